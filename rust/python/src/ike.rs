//! Octets of IKEv2 messages: the encrypted payload, and prf+.

use lotor_esp::algorithm::{Cipher, Suite, SALT_LEN};
use lotor_esp::ike::{self, Unfit};
use lotor_wire::chain::{Walk, GENERIC};
use lotor_wire::layout::{Given, Layout, Value};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyTuple};
use zeroize::Zeroizing;

use crate::child;
use crate::codec::Codec;

/// Octets of the header of a message (RFC 7296 §3.1).
const HEADER: usize = 28;
/// Where the type of the first payload stands in it.
const FIRST: usize = 16;
/// Where the length of the message begins.
const LENGTH: usize = 24;

/// The type of the first payload, the numbers of a fragment, the content.
type Inside<'py> = (u8, Bound<'py, PyTuple>, Bound<'py, PyBytes>);

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

    fn room(&self, octets: usize) -> usize {
        self.0.room(octets)
    }

    fn seal_next<'py>(&self, py: Python<'py>, head: &[u8], content: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
        let sealed = self.0.seal_next(head, content).map_err(|unfit| refusal(&unfit))?;
        Ok(PyBytes::new(py, &sealed))
    }

    fn open_message<'py>(
        &self,
        py: Python<'py>,
        codec: &Codec,
        header: &[u8],
        body: &[u8],
    ) -> PyResult<Option<Inside<'py>>> {
        let Some((first, numbers, content)) = opened(&self.0, codec, header, body) else { return Ok(None) };
        Ok(Some((first, PyTuple::new(py, numbers)?, PyBytes::new(py, &content))))
    }

    /// `kinds`: the types of what is sealed whole, and of a fragment.
    fn seal_message<'py>(
        &self,
        py: Python<'py>,
        codec: &Codec,
        header: &[u8],
        payloads: &Bound<'py, PyAny>,
        kinds: (u8, u8),
        most: Option<usize>,
    ) -> PyResult<Option<Bound<'py, PyTuple>>> {
        let Some((first, content)) = codec.built(py, &payloads.extract::<Vec<_>>()?)? else { return Ok(None) };
        let sealed = Envelope { protector: &self.0, codec, header }.sealed(first, &content, kinds, most);
        let Some(sealed) = sealed else { return Ok(None) };
        PyTuple::new(py, sealed.iter().map(|datagram| PyBytes::new(py, datagram))).map(Some)
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

/// The type of the first payload inside, the numbers of a fragment, the content. None unless the body is one payload that was
/// sealed behind that header with these keys.
fn opened(
    keys: &ike::Protector,
    codec: &Codec,
    header: &[u8],
    body: &[u8],
) -> Option<(u8, Vec<u32>, Zeroizing<Vec<u8>>)> {
    let kind = *header.get(FIRST)?;
    let mut walk = Walk::new(&codec.rules, kind, body);
    let payload = walk.step().ok()??;
    let (layout, mut found) = (codec.last(kind)?, Vec::new());
    layout.read(body, payload.body, &mut found)?;
    let Value::Octets(sealed) = found.pop()? else { return None };
    if walk.offset() != body.len() {
        return None;
    }
    let head = [header, &body[..sealed.start]].concat();
    let content = Zeroizing::new(keys.open(&head, &body[sealed]).ok()?);
    let number = |value| if let Value::Number(number) = value { Some(number) } else { None };
    Some((payload.following, found.into_iter().map(number).collect::<Option<_>>()?, content))
}

/// What stands around a content that is sealed.
struct Envelope<'a> {
    protector: &'a ike::Protector,
    codec: &'a Codec,
    header: &'a [u8],
}

impl Envelope<'_> {
    /// One datagram, or fragments of at most `most` octets where it would be longer.
    fn sealed(&self, first: u8, content: &[u8], kinds: (u8, u8), most: Option<usize>) -> Option<Vec<Vec<u8>>> {
        let whole = HEADER + GENERIC + self.protector.sealed_len(content.len());
        let Some(most) = most.filter(|most| whole > *most) else {
            return Some(vec![self.datagram((kinds.0, first), &[], content)?]);
        };
        let room = self.protector.room(most.checked_sub(self.head(kinds.1, &[0, 0])?.len())?);
        if room == 0 {
            return None;
        }
        let total = u32::try_from(content.len().div_ceil(room)).ok()?;
        let pieces = (1..).zip(content.chunks(room));
        pieces
            .map(|(number, piece)| {
                self.datagram((kinds.1, if number > 1 { 0 } else { first }), &[number, total], piece)
            })
            .collect()
    }

    /// `kind`: the type of the payload that seals, and that of the first one inside.
    fn datagram(&self, kind: (u8, u8), numbers: &[u32], content: &[u8]) -> Option<Vec<u8>> {
        let mut datagram = self.head(kind.0, numbers)?;
        let length = datagram.len() + self.protector.sealed_len(content.len());
        let inside = u16::try_from(length - HEADER).ok()?.to_be_bytes();
        datagram[FIRST] = kind.0;
        datagram[LENGTH..HEADER].copy_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
        datagram[HEADER..HEADER + GENERIC].copy_from_slice(&[kind.1, 0, inside[0], inside[1]]);
        let sealed = self.protector.seal_next(&datagram, content).ok()?;
        datagram.extend_from_slice(&sealed);
        Some(datagram)
    }

    /// Header, room for a generic header, and the numbers of a fragment.
    fn head(&self, kind: u8, numbers: &[u32]) -> Option<Vec<u8>> {
        let layout: &Layout = self.codec.last(kind)?;
        let mut head = self.header.first_chunk::<HEADER>()?.to_vec();
        head.resize(HEADER + GENERIC, 0);
        let mut values: Vec<_> = numbers.iter().copied().map(Given::Number).collect();
        values.push(Given::Octets(&[]));
        layout.write(&values, &mut head)?;
        Some(head)
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

/// Pieces of so many octets of prf+, one behind the other, with the PRF by the names of `model.algorithms.Hash`. The key is
/// the PRF of `of`, its key and what it is of, where that is given, else `key`.
#[pyfunction]
pub(crate) fn derive<'py>(
    py: Python<'py>,
    hash: &str,
    key: &[u8],
    of: Option<(&str, &[u8])>,
    seed: &[u8],
    sizes: Vec<usize>,
) -> PyResult<Bound<'py, PyTuple>> {
    let prf = |hash: &str| child::integrity(&format!("hmac_{hash}"));
    let key = Zeroizing::new(match of {
        Some((hash, message)) => lotor_esp::primitive::hmac(prf(hash)?, key, message),
        None => key.to_vec(),
    });
    let octets = sizes.iter().fold(0usize, |sum, size| sum.saturating_add(*size));
    let too_many = || PyValueError::new_err(format!("prf+ ends before {octets} octets of {hash}"));
    let given = ike::prf_plus(prf(hash)?, &key, seed, octets).ok_or_else(too_many)?;
    let mut rest = &given[..];
    let pieces = sizes.into_iter().map(|size| {
        let (piece, behind) = rest.split_at(size);
        rest = behind;
        PyBytes::new(py, piece)
    });
    PyTuple::new(py, pieces.collect::<Vec<_>>())
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
