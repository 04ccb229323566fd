//! CBC of ISAKMP messages: whole blocks in, whole blocks out.

use lotor_esp::primitive;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::child;

/// One key, ready for many messages.
#[pyclass(frozen, module = "lotor._native")]
pub(crate) struct Cbc {
    cipher: Box<dyn primitive::Cbc>,
    block: usize,
}

#[pymethods]
impl Cbc {
    /// `block`: octets of the cipher's block.
    #[new]
    fn new(cipher: &str, block: usize, key: &[u8]) -> PyResult<Self> {
        let unfit = || PyValueError::new_err(format!("{cipher} has no key of {} octets", key.len()));
        Ok(Self { cipher: primitive::cbc(child::cipher(cipher)?, key).ok_or_else(unfit)?, block })
    }

    fn encrypt<'py>(&self, py: Python<'py>, iv: &[u8], text: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        self.check(iv, text)?;
        let mut octets = [iv, text].concat();
        if !text.is_empty() {
            let whole = octets.len();
            self.cipher.encrypt(&mut octets, whole, self.block..whole);
        }
        Ok(PyBytes::new(py, &octets[self.block..]))
    }

    fn decrypt<'py>(&self, py: Python<'py>, iv: &[u8], text: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        self.check(iv, text)?;
        PyBytes::new_with(py, text.len(), |octets| {
            octets.copy_from_slice(text);
            self.cipher.decrypt(iv, octets);
            Ok(())
        })
    }
}

impl Cbc {
    fn check(&self, iv: &[u8], text: &[u8]) -> PyResult<()> {
        if iv.len() != self.block {
            let why = format!("an IV has {} octets here, not {}", self.block, iv.len());
            return Err(PyValueError::new_err(why));
        }
        if text.len() % self.block != 0 {
            let why = format!("{} octets are no whole number of blocks of {}", text.len(), self.block);
            return Err(PyValueError::new_err(why));
        }
        Ok(())
    }
}
