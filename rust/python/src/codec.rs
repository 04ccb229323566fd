//! Chains of payloads as Python's values and back, by a table that `lotor.wire` makes of its declarations.
//!
//! What does not go by the table is `None`, without a reason: Python reads or writes the same once more, and tells.

use lotor_wire::chain::{close, Rules, Types, Walk, GENERIC};
use lotor_wire::layout::{Field, Given, Layout, Value};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple, PyType};

use crate::objects::{self, Class};

/// Octets of most messages, at first.
const USUAL: usize = 512;
/// Every type of a payload is one octet.
const TYPES: usize = 256;

/// `lotor.wire.table.Table`, read by attribute.
#[derive(FromPyObject)]
struct Table<'py> {
    kinds: Vec<Kind<'py>>,
    unknown: Kind<'py>,
    received: Bound<'py, PyType>,
    parts: Vec<Bound<'py, PyString>>,
    most: usize,
    single: Vec<u8>,
    last: Vec<u8>,
    foreign: Vec<u8>,
    decode: Py<PyAny>,
    encode: Py<PyAny>,
}

/// `lotor.wire.table.Kind`: a payload. Without rows Python reads and writes it.
#[derive(FromPyObject)]
struct Kind<'py> {
    numbers: Vec<(u8, Bound<'py, PyDict>)>,
    kind: Bound<'py, PyType>,
    rows: Option<Vec<Row>>,
}

/// `lotor.wire.fields.Row`.
type Row = (String, String, usize, u32, Option<Py<PyAny>>, Option<Py<PyAny>>);

/// A payload whose values are made and read here.
struct Shape {
    class: Class,
    layout: Layout,
    slots: Vec<Slot>,
    /// One row of octets and nothing else.
    plain: bool,
}

/// A field that has a value, and what makes another value of its octets and back.
struct Slot {
    name: Py<PyString>,
    nested: Option<(Py<PyAny>, Py<PyAny>)>,
}

/// What a type of payload is: which shape, and the fields that follow from the type.
struct Entry {
    shape: usize,
    constants: Vec<(Py<PyString>, Py<PyAny>)>,
}

/// A class of payloads: its shape unless Python writes it, and its type unless it has several.
struct Known {
    class: Class,
    shape: Option<usize>,
    number: Option<u8>,
}

/// How a payload is written.
enum Writing<'a> {
    AsReceived,
    ByTable(&'a Shape),
    ByPython,
}

/// A part of what is kept of a payload as it came.
#[derive(Clone, Copy)]
enum Part {
    Type,
    Body,
    Value,
    Start,
    End,
    Critical,
    First,
}

/// The table, ready for many messages.
#[pyclass(frozen, module = "lotor._native")]
pub(crate) struct Codec {
    pub(crate) rules: Rules,
    shapes: Vec<Shape>,
    entries: Vec<Option<Entry>>,
    /// Types that Python reads.
    python: Types,
    known: Vec<Known>,
    received: Class,
    parts: Vec<(Part, Py<PyString>)>,
    decode: Py<PyAny>,
    encode: Py<PyAny>,
    payload_type: Py<PyString>,
}

#[pymethods]
impl Codec {
    #[new]
    fn new(py: Python<'_>, table: Table<'_>) -> PyResult<Self> {
        let mut codec = Self {
            rules: Rules {
                most: table.most,
                single: Types::of(&table.single),
                last: Types::of(&table.last),
                foreign: Types::of(&table.foreign),
            },
            shapes: Vec::new(),
            entries: (0..TYPES).map(|_| None).collect(),
            python: Types::of(&python_types(&table.kinds)),
            known: Vec::new(),
            received: Class::new(table.received)?,
            parts: table.parts.iter().map(part).collect::<PyResult<_>>()?,
            decode: table.decode,
            encode: table.encode,
            payload_type: PyString::intern(py, "payload_type").unbind(),
        };
        for kind in table.kinds {
            codec.add(&kind)?;
        }
        codec.add_unknown(&table.unknown)?;
        Ok(codec)
    }

    /// The payloads of a body whose first one has the type `first`. With `exact` nothing may follow them. None of them is
    /// read before the chain of all is found whole: what a stranger breaks at its end costs Python one reading.
    fn parse<'py>(
        &self,
        py: Python<'py>,
        first: u8,
        octets: &Bound<'py, PyBytes>,
        exact: bool,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let octets = octets.as_bytes();
        let Some((payloads, end)) = Walk::new(&self.rules, first, octets).all() else { return Ok(None) };
        if exact && end != octets.len() {
            return Ok(None);
        }
        let mut found = Vec::with_capacity(payloads.len());
        for payload in &payloads {
            let Some(received) = self.received(py, octets, payload)? else { return Ok(None) };
            found.push(received);
        }
        PyTuple::new(py, found).map(Some)
    }

    /// The type of the first payload and the octets of all.
    fn build<'py>(&self, py: Python<'py>, payloads: &Bound<'py, PyAny>) -> PyResult<Option<(u8, Bound<'py, PyBytes>)>> {
        let built = self.built(py, &payloads.extract::<Vec<_>>()?)?;
        Ok(built.map(|(first, octets)| (first, PyBytes::new(py, &octets))))
    }
}

impl Codec {
    fn add(&mut self, kind: &Kind<'_>) -> PyResult<()> {
        let shape = self.shape(kind)?;
        if let Some(shape) = shape {
            for (number, constants) in &kind.numbers {
                self.entries[usize::from(*number)] = Some(Entry { shape, constants: named(constants)? });
            }
        }
        let number = if let [(number, _)] = kind.numbers[..] { Some(number) } else { None };
        self.know(kind, shape, number)
    }

    fn know(&mut self, kind: &Kind<'_>, shape: Option<usize>, number: Option<u8>) -> PyResult<()> {
        self.known.push(Known { class: Class::new(kind.kind.clone())?, shape, number });
        Ok(())
    }

    /// The types that nothing else is for.
    fn add_unknown(&mut self, kind: &Kind<'_>) -> PyResult<()> {
        let Some(shape) = self.shape(kind)? else { return Ok(()) };
        let py = kind.kind.py();
        for number in 0..=u8::MAX {
            let free = self.entries[usize::from(number)].is_none() && !self.python.has(number);
            if free {
                let constant = (self.payload_type.clone_ref(py), number.into_pyobject(py)?.into_any().unbind());
                self.entries[usize::from(number)] = Some(Entry { shape, constants: vec![constant] });
            }
        }
        self.know(kind, Some(shape), None)
    }

    fn shape(&mut self, kind: &Kind<'_>) -> PyResult<Option<usize>> {
        let Some(rows) = &kind.rows else { return Ok(None) };
        let py = kind.kind.py();
        let unfit = || PyValueError::new_err(format!("{} is no layout", kind.kind));
        let layout = Layout::new(&fields(rows).ok_or_else(unfit)?).ok_or_else(unfit)?;
        let slots: Vec<Slot> = rows.iter().filter(|row| has_value(row)).map(|row| slot(py, row)).collect();
        let plain = matches!(&slots[..], [Slot { nested: None, .. }]) && rows.len() == 1 && rows[0].0 == "rest";
        self.shapes.push(Shape { class: Class::new(kind.kind.clone())?, layout, slots, plain });
        Ok(Some(self.shapes.len() - 1))
    }

    fn received<'py>(
        &self,
        py: Python<'py>,
        octets: &[u8],
        payload: &lotor_wire::chain::Payload,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let body = PyBytes::new(py, &octets[payload.body.clone()]);
        let Some(value) = self.value(py, payload.kind, &body)? else { return Ok(None) };
        let last = self.rules.last.has(payload.kind);
        let received = self.received.bare(py)?;
        for (part, name) in &self.parts {
            let part = match part {
                Part::Type => number(py, payload.kind.into())?,
                Part::Body => body.clone().into_any(),
                Part::Value => value.clone(),
                Part::Start => number(py, payload.start)?,
                Part::End => number(py, payload.body.end)?,
                Part::Critical => payload.critical.into_pyobject(py)?.to_owned().into_any(),
                Part::First => number(py, if last { payload.following.into() } else { 0 })?,
            };
            objects::set(&received, name, &part)?;
        }
        Ok(Some(received))
    }

    fn value<'py>(&self, py: Python<'py>, kind: u8, body: &Bound<'py, PyBytes>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(entry) = &self.entries[usize::from(kind)] else {
            return good(py, self.decode.bind(py).call1((kind, body)));
        };
        let shape = &self.shapes[entry.shape];
        let value = shape.class.bare(py)?;
        if shape.plain {
            objects::set(&value, &shape.slots[0].name, body)?;
        } else if !shape.fill(py, body.as_bytes(), &value)? {
            return Ok(None);
        }
        for (name, constant) in &entry.constants {
            objects::set(&value, name, constant.bind(py))?;
        }
        Ok(Some(value))
    }

    /// The type of the first payload and the octets of all.
    pub(crate) fn built(&self, py: Python<'_>, payloads: &[Bound<'_, PyAny>]) -> PyResult<Option<(u8, Vec<u8>)>> {
        let mut kinds = Vec::with_capacity(payloads.len() + 1);
        for payload in payloads {
            let Some(kind) = self.kind_of(py, payload)? else { return Ok(None) };
            kinds.push(kind);
        }
        let mut out = Vec::with_capacity(USUAL);
        for (place, payload) in payloads.iter().enumerate() {
            let (start, following) = (out.len(), kinds.get(place + 1).map_or(0, |(kind, _)| *kind));
            out.resize(start + GENERIC, 0);
            let critical = match kinds[place].1 {
                Writing::AsReceived => Some(self.copied(payload, &mut out)?),
                Writing::ByTable(shape) => shape.write(py, payload, &mut out)?.then_some(false),
                Writing::ByPython => self.encoded(py, payload, &mut out)?.then_some(false),
            };
            if critical.and_then(|critical| close(&mut out, start, following, critical)).is_none() {
                return Ok(None);
            }
        }
        Ok(Some((kinds.first().map_or(0, |(kind, _)| *kind), out)))
    }

    /// The type of a payload, and how it is written. `None` for what is no payload that a chain may have.
    fn kind_of<'a>(&'a self, py: Python<'_>, payload: &Bound<'_, PyAny>) -> PyResult<Option<(u8, Writing<'a>)>> {
        if self.received.is_of(payload) {
            return Ok(payload.getattr("type")?.extract().ok().map(|kind| (kind, Writing::AsReceived)));
        }
        let Some(known) = self.known.iter().find(|known| known.class.is_of(payload)) else { return Ok(None) };
        let told = || payload.getattr(self.payload_type.bind(py)).ok()?.extract().ok();
        let Some(kind) = known.number.or_else(told).filter(|kind| !self.rules.last.has(*kind)) else { return Ok(None) };
        let writing = known.shape.map_or(Writing::ByPython, |shape| Writing::ByTable(&self.shapes[shape]));
        Ok(Some((kind, writing)))
    }

    /// Adds the body that Python makes of a payload; false where a value does not fit.
    fn encoded(&self, py: Python<'_>, payload: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<bool> {
        let Some(body) = good(py, self.encode.bind(py).call1((payload,)))? else { return Ok(false) };
        out.extend_from_slice(body.cast::<PyBytes>()?.as_bytes());
        Ok(true)
    }

    /// A payload with its body as it came; whether it is critical.
    fn copied(&self, received: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<bool> {
        out.extend_from_slice(received.getattr("body")?.cast::<PyBytes>()?.as_bytes());
        let has = self.parts.iter().any(|(part, _)| matches!(part, Part::Critical));
        if has {
            received.getattr("critical")?.is_truthy()
        } else {
            Ok(false)
        }
    }

    /// The layout of a payload that ends a chain.
    pub(crate) fn last(&self, kind: u8) -> Option<&Layout> {
        let entry = self.entries[usize::from(kind)].as_ref().filter(|_| self.rules.last.has(kind))?;
        Some(&self.shapes[entry.shape].layout)
    }
}

impl Shape {
    /// Sets the fields of a value that a body has; false where it breaks the layout.
    fn fill(&self, py: Python<'_>, body: &[u8], value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let mut found = Vec::with_capacity(self.slots.len());
        if self.layout.read(body, 0..body.len(), &mut found).is_none() {
            return Ok(false);
        }
        for (slot, field) in self.slots.iter().zip(found) {
            let field = match field {
                Value::Number(found) => number(py, found as usize)?,
                Value::Octets(at) => PyBytes::new(py, &body[at]).into_any(),
            };
            let field = match &slot.nested {
                None => Some(field),
                Some((decode, _)) => good(py, decode.bind(py).call1((field,)))?,
            };
            let Some(field) = field else { return Ok(false) };
            objects::set(value, &slot.name, &field)?;
        }
        Ok(true)
    }

    /// Adds the body of a value; false where it does not fit its layout.
    fn write(&self, py: Python<'_>, value: &Bound<'_, PyAny>, out: &mut Vec<u8>) -> PyResult<bool> {
        let mut fields = Vec::with_capacity(self.slots.len());
        for slot in &self.slots {
            let field = value.getattr(slot.name.bind(py))?;
            let Some(field) = (match &slot.nested {
                None => Some(field),
                Some((_, encode)) => good(py, encode.bind(py).call1((field,)))?,
            }) else {
                return Ok(false);
            };
            fields.push(field);
        }
        let given: Option<Vec<Given<'_>>> = fields.iter().map(given).collect();
        Ok(given.and_then(|given| self.layout.write(&given, out)).is_some())
    }
}

/// A field's value as octets or a number.
fn given<'a>(field: &'a Bound<'_, PyAny>) -> Option<Given<'a>> {
    match field.cast::<PyBytes>() {
        Ok(octets) => Some(Given::Octets(octets.as_bytes())),
        Err(_) => field.extract().ok().map(Given::Number),
    }
}

/// None for a `ValueError`, which `Malformed` is.
fn good<'py>(py: Python<'py>, given: PyResult<Bound<'py, PyAny>>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match given {
        Ok(value) => Ok(Some(value)),
        Err(fault) if fault.is_instance_of::<PyValueError>(py) => Ok(None),
        Err(fault) => Err(fault),
    }
}

fn number(py: Python<'_>, number: usize) -> PyResult<Bound<'_, PyAny>> {
    Ok(number.into_pyobject(py)?.into_any())
}

fn named(constants: &Bound<'_, PyDict>) -> PyResult<Vec<(Py<PyString>, Py<PyAny>)>> {
    let name = |name: Bound<'_, PyAny>| Ok::<_, PyErr>(interned(name.py(), &name.extract::<String>()?));
    constants.iter().map(|(key, value)| Ok((name(key)?, value.unbind()))).collect()
}

fn interned(py: Python<'_>, name: &str) -> Py<PyString> {
    PyString::intern(py, name).unbind()
}

fn python_types(kinds: &[Kind<'_>]) -> Vec<u8> {
    let without = kinds.iter().filter(|kind| kind.rows.is_none());
    without.flat_map(|kind| kind.numbers.iter().map(|(number, _)| *number)).collect()
}

fn part(name: &Bound<'_, PyString>) -> PyResult<(Part, Py<PyString>)> {
    let word: String = name.extract()?;
    let part = match word.as_str() {
        "type" => Part::Type,
        "body" => Part::Body,
        "value" => Part::Value,
        "start" => Part::Start,
        "end" => Part::End,
        "critical" => Part::Critical,
        "first" => Part::First,
        _ => return Err(PyValueError::new_err(format!("nothing is known of a {word}"))),
    };
    Ok((part, interned(name.py(), &word)))
}

fn has_value(row: &Row) -> bool {
    !matches!(row.0.as_str(), "reserved" | "size")
}

fn slot(py: Python<'_>, row: &Row) -> Slot {
    let nested =
        row.4.as_ref().zip(row.5.as_ref()).map(|(decode, encode)| (decode.clone_ref(py), encode.clone_ref(py)));
    Slot { name: interned(py, &row.1), nested }
}

fn fields(rows: &[Row]) -> Option<Vec<Field>> {
    let valued: Vec<&str> = rows.iter().filter(|row| has_value(row)).map(|row| row.1.as_str()).collect();
    let field = |(word, name, octets, number, _, _): &Row| {
        let octets = *octets;
        Some(match word.as_str() {
            "number" => Field::Number { octets },
            "expected" => Field::Expected { octets, number: *number },
            "reserved" => Field::Reserved { octets },
            "size" => Field::SizeOf { value: valued.iter().position(|each| each == name)?, octets },
            "sized" => Field::Sized,
            "rest" => Field::Rest { least: octets },
            _ => return None,
        })
    };
    rows.iter().map(field).collect()
}
