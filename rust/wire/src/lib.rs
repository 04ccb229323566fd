//! Messages of IKE as tables say them: payloads that name the next one (`chain`), and the fields of each (`layout`).
//!
//! What the payloads are stands in `src/lotor/wire` of the Python side, which makes the tables of its declarations. Nothing
//! here knows a payload by name, and nothing says what is wrong with octets that break a table: the Python side reads them
//! again, and tells.
#![forbid(unsafe_code)]

pub mod chain;
pub mod layout;
