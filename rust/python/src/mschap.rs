//! The arithmetic of MSCHAPv2. What has a wrong length is refused with `ValueError`.

use lotor_esp::mschap;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

#[pyfunction]
pub(crate) fn md4<'py>(py: Python<'py>, octets: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &mschap::md4(octets)[..])
}

#[pyfunction]
pub(crate) fn mschap_response<'py>(py: Python<'py>, hash: &[u8], challenge: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &mschap::response(sized(hash)?, sized(challenge)?)))
}

#[pyfunction]
pub(crate) fn mschap_authenticator<'py>(
    py: Python<'py>,
    hash: &[u8],
    challenge: &[u8],
    response: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &mschap::authenticator(sized(hash)?, challenge, response)))
}

#[pyfunction]
pub(crate) fn mschap_msk<'py>(py: Python<'py>, hash: &[u8], response: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &mschap::msk(sized(hash)?, response)[..]))
}

fn sized<const LEN: usize>(octets: &[u8]) -> PyResult<&[u8; LEN]> {
    octets.try_into().map_err(|_| PyValueError::new_err(format!("{} octets, not {LEN}", octets.len())))
}
