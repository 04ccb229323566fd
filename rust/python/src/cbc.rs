//! CBC of ISAKMP messages: whole blocks in, whole blocks out.

use lotor_esp::primitive;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::child;

/// One key, ready for many messages.
#[pyclass(frozen, module = "lotor._native")]
pub(crate) struct Cbc(Box<dyn primitive::Cbc>);

#[pymethods]
impl Cbc {
    #[new]
    fn new(cipher: &str, key: &[u8]) -> PyResult<Self> {
        let unfit = || PyValueError::new_err(format!("{cipher} has no key of {} octets", key.len()));
        primitive::cbc(child::cipher(cipher)?, key).map(Self).ok_or_else(unfit)
    }

    fn encrypt<'py>(&self, py: Python<'py>, iv: &[u8], text: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        self.check(iv, text)?;
        let mut octets = [iv, text].concat();
        if !text.is_empty() {
            let whole = octets.len();
            self.0.encrypt(&mut octets, whole, iv.len()..whole);
        }
        Ok(PyBytes::new(py, &octets[iv.len()..]))
    }

    fn decrypt<'py>(&self, py: Python<'py>, iv: &[u8], text: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        self.check(iv, text)?;
        PyBytes::new_with(py, text.len(), |octets| {
            octets.copy_from_slice(text);
            self.0.decrypt(iv, octets);
            Ok(())
        })
    }
}

impl Cbc {
    fn check(&self, iv: &[u8], text: &[u8]) -> PyResult<()> {
        let block = self.0.block();
        if iv.len() != block {
            let why = format!("an IV has {block} octets here, not {}", iv.len());
            return Err(PyValueError::new_err(why));
        }
        if text.len() % block != 0 {
            let why = format!("{} octets are no whole number of blocks of {block}", text.len());
            return Err(PyValueError::new_err(why));
        }
        Ok(())
    }
}
