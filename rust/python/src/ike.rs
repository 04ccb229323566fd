//! Octets of IKEv2 messages: the encrypted payload, and prf+.

use lotor_esp::algorithm::{Cipher, Suite, SALT_LEN};
use lotor_esp::ike::{self, Unfit};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::child;

/// The keys of one direction, ready for many messages.
#[pyclass(frozen, module = "lotor._native")]
pub(crate) struct Protector(ike::Protector);

#[pymethods]
impl Protector {
    #[new]
    fn new(cipher: &str, integrity: Option<&str>, encryption: &[u8], authentication: &[u8]) -> PyResult<Self> {
        let suite = suite(cipher, integrity, encryption.len())?;
        ike::Protector::new(suite, encryption, authentication).map(Self).map_err(|bad| refusal(&bad))
    }

    fn size(&self, octets: usize) -> usize {
        self.0.sealed_len(octets)
    }

    fn seal<'py>(&self, py: Python<'py>, head: &[u8], iv: &[u8], content: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let sealed = self.0.seal(head, iv, content).map_err(|unfit| refusal(&unfit))?;
        Ok(PyBytes::new(py, &sealed))
    }

    fn open<'py>(&self, py: Python<'py>, head: &[u8], body: &[u8]) -> PyResult<Option<Bound<'py, PyBytes>>> {
        match self.0.open(head, body) {
            Ok(content) => Ok(Some(PyBytes::new(py, &content))),
            Err(Unfit::Forged) => Ok(None),
            Err(unfit) => Err(refusal(&unfit)),
        }
    }
}

/// By the names of `model.algorithms.Hash`.
#[pyfunction]
pub(crate) fn prf_plus<'py>(
    py: Python<'py>,
    hash: &str,
    key: &[u8],
    seed: &[u8],
    octets: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    let too_many = || PyValueError::new_err(format!("prf+ ends before {octets} octets of {hash}"));
    let given = ike::prf_plus(child::integrity(&format!("hmac_{hash}"))?, key, seed, octets).ok_or_else(too_many)?;
    Ok(PyBytes::new(py, &given))
}

/// With a key of so many octets.
fn suite(cipher: &str, integrity: Option<&str>, octets: usize) -> PyResult<Suite> {
    let (cipher, integrity) = (child::cipher(cipher)?, integrity.map(child::integrity).transpose()?);
    let salt = if integrity.is_none() { SALT_LEN } else { 0 };
    let bits = u16::try_from(octets.saturating_sub(salt).saturating_mul(8)).unwrap_or(u16::MAX);
    let key_bits = if matches!(cipher, Cipher::TripleDesCbc | Cipher::ChaCha20Poly1305) { 0 } else { bits };
    Ok(Suite { cipher, key_bits, integrity })
}

fn refusal(why: &impl ToString) -> PyErr {
    PyValueError::new_err(why.to_string())
}
