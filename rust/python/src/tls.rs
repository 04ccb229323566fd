//! TLS for methods of EAP: a Python callable signs with the private key.

use std::sync::{Arc, Mutex, PoisonError};

use lotor_tls::{Endpoint, Fault, Identity, Key, Signer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Certificates (leaf first, DER), the kind of the key, and what signs: `(scheme, message) -> signature`, or None.
type Own = (Vec<Vec<u8>>, String, Py<PyAny>);

struct Callable(Py<PyAny>);

impl Signer for Callable {
    fn sign(&self, scheme: u16, message: &[u8]) -> Option<Vec<u8>> {
        Python::attach(|py| self.0.call1(py, (scheme, PyBytes::new(py, message))).ok()?.extract(py).ok())
    }
}

/// One end. A `ValueError` is the end of the connection; what is outgoing is to be sent all the same.
#[pyclass(frozen, module = "lotor._native")]
pub(crate) struct Tls(Mutex<Endpoint>);

#[pymethods]
impl Tls {
    #[staticmethod]
    fn server(own: Own, asks: bool) -> PyResult<Self> {
        Ok(Self(Mutex::new(Endpoint::server(identity(own)?, asks).map_err(error)?)))
    }

    #[staticmethod]
    fn client(name: &str, own: Option<Own>) -> PyResult<Self> {
        let own = own.map(identity).transpose()?;
        Ok(Self(Mutex::new(Endpoint::client(name, own).map_err(error)?)))
    }

    fn receive(&self, py: Python<'_>, octets: &[u8]) -> PyResult<()> {
        self.with(py, |end| end.receive(octets)).map_err(error)
    }

    fn outgoing<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.with(py, Endpoint::outgoing))
    }

    fn is_handshaking(&self, py: Python<'_>) -> bool {
        self.with(py, |end| end.is_handshaking())
    }

    fn inside<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.with(py, Endpoint::inside))
    }

    fn send(&self, py: Python<'_>, octets: &[u8]) -> PyResult<()> {
        self.with(py, |end| end.send(octets)).map_err(error)
    }

    #[pyo3(signature = (label, context, octets))]
    fn export<'py>(
        &self,
        py: Python<'py>,
        label: &[u8],
        context: Option<&[u8]>,
        octets: usize,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let exported = self.with(py, |end| end.export(label, context, octets)).map_err(error)?;
        Ok(PyBytes::new(py, &zeroize::Zeroizing::new(exported)))
    }

    fn peer_chain<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        self.with(py, |end| end.peer_chain()).iter().map(|each| PyBytes::new(py, each)).collect()
    }

    fn version(&self, py: Python<'_>) -> u16 {
        self.with(py, |end| end.version())
    }
}

impl Tls {
    /// Without the interpreter's lock, which the callable that signs needs.
    fn with<T: Send>(&self, py: Python<'_>, act: impl FnOnce(&mut Endpoint) -> T + Send) -> T {
        py.detach(|| act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn identity((chain, key, callable): Own) -> PyResult<Identity> {
    let key = match key.as_str() {
        "rsa" => Key::Rsa,
        "p256" => Key::P256,
        "p384" => Key::P384,
        "p521" => Key::P521,
        "ed25519" => Key::Ed25519,
        other => return Err(PyValueError::new_err(format!("{other} is no kind of key"))),
    };
    Ok(Identity { chain, key, signer: Arc::new(Callable(callable)) })
}

fn error(fault: Fault) -> PyErr {
    PyValueError::new_err(fault.0)
}
