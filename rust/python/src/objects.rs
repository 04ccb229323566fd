//! Values of Python's frozen classes, made without their `__init__`, which would run as Python for each of them.

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

/// A class with slots whose values are their fields and nothing else, as frozen dataclasses are.
pub(crate) struct Class(Py<PyType>);

impl Class {
    /// `TypeError` for a class that makes its values in a way of its own.
    pub(crate) fn new(class: Bound<'_, PyType>) -> PyResult<Self> {
        let object = class.py().get_type::<PyAny>();
        let usual = |name| Ok::<_, PyErr>(class.getattr(name)?.is(&object.getattr(name)?));
        if usual("__new__")? {
            return Ok(Self(class.unbind()));
        }
        Err(PyTypeError::new_err(format!("{class} has a __new__ of its own")))
    }

    /// Whether a value is of this very class.
    pub(crate) fn is_of(&self, value: &Bound<'_, PyAny>) -> bool {
        value.get_type().is(&self.0)
    }

    /// Without any field yet.
    pub(crate) fn bare<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let class = self.0.as_ptr().cast();
        // SAFETY: this thread is attached to the interpreter, and `class` is a type that is kept alive. It has `__new__` from
        // `object`, which allocates just so for a class that Python's `class` made.
        unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyType_GenericAlloc(class, 0)) }
    }
}

/// As `object.__setattr__`, which the `__init__` of a frozen class uses.
pub(crate) fn set(object: &Bound<'_, PyAny>, name: &Py<PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    // SAFETY: this thread is attached to the interpreter, and all three are objects that are kept alive.
    let done = unsafe { ffi::PyObject_GenericSetAttr(object.as_ptr(), name.as_ptr(), value.as_ptr()) };
    if done == 0 {
        return Ok(());
    }
    Err(PyErr::fetch(object.py()))
}
