//! Chains of payloads, each of which names the type of the next (RFC 2408 §3.2, RFC 7296 §3.2).

use std::ops::Range;

/// Octets of a generic header: the type of what follows, flags, the length with the header.
pub const GENERIC: usize = 4;
/// Every type is one octet; 0 ends a chain.
const TYPES: usize = 256;
const CRITICAL: u8 = 0x80;

/// Some of the types.
#[derive(Clone, Debug)]
pub struct Types([bool; TYPES]);

impl Types {
    pub fn of(types: &[u8]) -> Self {
        let mut all = [false; TYPES];
        for each in types {
            all[usize::from(*each)] = true;
        }
        Self(all)
    }

    pub fn has(&self, kind: u8) -> bool {
        self.0[usize::from(kind)]
    }
}

/// What a version says of its chains.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Payloads in one chain.
    pub most: usize,
    /// Of these a chain has one at most.
    pub single: Types,
    /// They end a chain, whatever they name as the next one.
    pub last: Types,
    /// They are of another version.
    pub foreign: Types,
}

/// A payload as it lies in the octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payload {
    pub kind: u8,
    /// Where its generic header stands.
    pub start: usize,
    pub body: Range<usize>,
    pub critical: bool,
    /// What it names as the next one.
    pub following: u8,
}

/// A way through a chain, one payload after the other.
pub struct Walk<'a> {
    rules: &'a Rules,
    octets: &'a [u8],
    offset: usize,
    following: u8,
    seen: [bool; TYPES],
    left: usize,
}

impl<'a> Walk<'a> {
    pub fn new(rules: &'a Rules, first: u8, octets: &'a [u8]) -> Self {
        Self { rules, octets, offset: 0, following: first, seen: [false; TYPES], left: rules.most }
    }

    /// Where the last payload ended.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// `Ok(None)` behind the last one; `Err` where no payload can be.
    #[allow(clippy::result_unit_err)] // what is wrong is told by who reads the octets again
    pub fn step(&mut self) -> Result<Option<Payload>, ()> {
        if self.following == 0 {
            return Ok(None);
        }
        self.payload().map(Some).ok_or(())
    }

    /// All payloads, and where the last one ends; `None` where the chain is broken.
    pub fn all(mut self) -> Option<(Vec<Payload>, usize)> {
        let mut found = Vec::new();
        while let Some(payload) = self.step().ok()? {
            found.push(payload);
        }
        Some((found, self.offset))
    }

    fn payload(&mut self) -> Option<Payload> {
        let (kind, start) = (self.following, self.offset);
        let again = std::mem::replace(&mut self.seen[usize::from(kind)], true);
        self.left = self.left.checked_sub(1)?;
        if again && self.rules.single.has(kind) || self.rules.foreign.has(kind) {
            return None;
        }
        let &[following, flags, high, low] = self.octets.get(start..)?.first_chunk::<GENERIC>()?;
        let length = usize::from(u16::from_be_bytes([high, low]));
        if length < GENERIC || length > self.octets.len() - start {
            return None;
        }
        self.offset = start + length;
        self.following = if self.rules.last.has(kind) { 0 } else { following };
        let body = start + GENERIC..self.offset;
        Some(Payload { kind, start, body, critical: flags & CRITICAL != 0, following })
    }
}

/// Ends a payload that began at `start` of `out` with `GENERIC` octets of room. None where it is too long.
pub fn close(out: &mut [u8], start: usize, following: u8, critical: bool) -> Option<()> {
    let length = u16::try_from(out.len() - start).ok()?.to_be_bytes();
    let flags = if critical { CRITICAL } else { 0 };
    out[start..start + GENERIC].copy_from_slice(&[following, flags, length[0], length[1]]);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules { most: 3, single: Types::of(&[33]), last: Types::of(&[46]), foreign: Types::of(&[13]) }
    }

    /// A type and a body.
    type Found = (u8, Range<usize>);

    /// All, and where the last one ends; None where the chain is broken.
    fn walked(first: u8, octets: &[u8]) -> Option<(Vec<Found>, usize)> {
        let (found, end) = Walk::new(&rules(), first, octets).all()?;
        Some((found.into_iter().map(|payload| (payload.kind, payload.body)).collect(), end))
    }

    #[test]
    fn payloads_name_each_other() {
        let octets = [40, 0, 0, 5, 9, 0, 128, 0, 4, 7, 7];
        assert_eq!(walked(33, &octets), Some((vec![(33, 4..5), (40, 9..9)], 9)));
        assert_eq!(walked(0, &octets), Some((vec![], 0)));
    }

    #[test]
    fn what_ends_a_chain_names_what_is_inside() {
        assert_eq!(walked(46, &[33, 0, 0, 4]), Some((vec![(46, 4..4)], 4)));
    }

    #[test]
    fn broken_chains_are_refused() {
        let again = [33, 0, 0, 4, 0, 0, 0, 4];
        let many = [40, 0, 0, 4, 40, 0, 0, 4, 40, 0, 0, 4, 0, 0, 0, 4];
        let cases = [
            (33, &again[..]),
            (40, &many),
            (13, &[0, 0, 0, 4]),
            (40, &[0, 0, 0]),
            (40, &[0, 0, 0, 3]),
            (40, &[0, 0, 0, 5]),
        ];
        assert!(cases.iter().all(|(first, octets)| walked(*first, octets).is_none()));
    }

    #[test]
    fn a_payload_is_closed_with_its_length() {
        let mut out = vec![9, 0, 0, 0, 0, 1, 2];
        close(&mut out, 1, 40, true).unwrap();
        assert_eq!(out, [9, 40, 128, 0, 6, 1, 2]);
        assert!(close(&mut vec![0; 0x1_0000], 0, 0, false).is_none());
    }
}
