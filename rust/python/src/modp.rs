//! Exponentiation modulo a prime without the interpreter's lock.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use zeroize::Zeroizing;

#[pyclass(frozen, module = "lotor._native")]
pub(crate) struct Modulus(lotor_modp::Modulus);

#[pymethods]
impl Modulus {
    #[new]
    fn new(modulus: &[u8]) -> PyResult<Self> {
        lotor_modp::Modulus::new(modulus).map(Self).map_err(refusal)
    }

    /// The arguments are copied: nobody else's octets are read without the lock.
    fn power(&self, py: Python<'_>, base: &[u8], exponent: &[u8]) -> PyResult<Vec<u8>> {
        let (base, exponent) = (base.to_vec(), Zeroizing::new(exponent.to_vec()));
        py.detach(|| self.0.power(&base, &exponent)).map_err(refusal)
    }
}

fn refusal(unfit: lotor_modp::Unfit) -> PyErr {
    PyValueError::new_err(unfit.to_string())
}
