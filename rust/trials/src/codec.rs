//! Any table over any octets: what is read is what a simpler reader finds, and it is written to the same octets again.

use lotor_wire::chain::{close, Rules, Types, Walk, GENERIC};
use lotor_wire::layout::{Field, Given, Layout, Value};

use crate::source::Source;

/// Fields of one layout.
const FIELDS: usize = 6;

pub fn run(octets: &[u8]) {
    let mut source = Source::new(octets);
    let fields = fields(&mut source);
    let rules = rules(&mut source);
    let first = source.octet();
    let rest = source.rest();
    if let Some(layout) = Layout::new(&fields) {
        laid_out(&layout, &fields, rest);
    }
    walked(&rules, first, rest);
}

/// Most of what is drawn makes sense as a layout.
fn fields(source: &mut Source<'_>) -> Vec<Field> {
    let mut fields = Vec::new();
    for _ in 0..source.below(FIELDS) {
        let octets = source.pick(&[1, 1, 2, 4, 3]);
        fields.push(match source.octet() % 4 {
            0 => Field::Reserved { octets },
            1 => Field::Expected { octets, number: source.octet().into() },
            2 => Field::SizeOf { value: source.below(FIELDS), octets },
            _ => Field::Number { octets },
        });
    }
    for _ in 0..source.below(3) {
        fields.push(Field::Sized);
    }
    if !source.rarely(4) {
        fields.push(Field::Rest { least: source.below(4) });
    }
    fields
}

fn rules(source: &mut Source<'_>) -> Rules {
    let mut types = || Types::of(&[source.octet(), source.octet(), source.octet()]);
    let (single, last, foreign) = (types(), types(), types());
    Rules { most: 1 + source.below(20), single, last, foreign }
}

fn laid_out(layout: &Layout, fields: &[Field], octets: &[u8]) {
    let (mut read, mut simple) = (Vec::new(), Vec::new());
    let good = layout.read(octets, 0..octets.len(), &mut read).is_some();
    assert_eq!(good, simply_read(fields, octets, &mut simple).is_some());
    if !good {
        return;
    }
    assert_eq!(read.len(), layout.values());
    let given: Vec<Given<'_>> = read.into_iter().map(|value| given(value, octets)).collect();
    assert_eq!(given, simple);
    let mut written = Vec::new();
    layout.write(&given, &mut written).expect("what was read fits");
    assert_eq!(written, without_reserved(fields, octets));
    assert!(layout.write(&given[..given.len().saturating_sub(1)], &mut written).is_none() || given.is_empty());
}

fn given(value: Value, octets: &[u8]) -> Given<'_> {
    match value {
        Value::Number(number) => Given::Number(number),
        Value::Octets(at) => Given::Octets(&octets[at]),
    }
}

/// One field after the other, without ranges.
fn simply_read<'a>(fields: &[Field], mut octets: &'a [u8], found: &mut Vec<Given<'a>>) -> Option<()> {
    let mut sizes = [0; FIELDS];
    for field in fields {
        let len = match *field {
            Field::Number { octets } | Field::Expected { octets, .. } => octets,
            Field::Reserved { octets } | Field::SizeOf { octets, .. } => octets,
            Field::Sized => sizes[found.len()],
            Field::Rest { least } => octets.len().max(least),
        };
        let taken = octets.get(..len)?;
        octets = &octets[len..];
        let number = taken.iter().fold(0u64, |number, octet| number.wrapping_mul(256) + u64::from(*octet));
        match *field {
            Field::Number { .. } => found.push(Given::Number(number as u32)),
            Field::Expected { number: wanted, .. } if number != u64::from(wanted) => return None,
            Field::Expected { number: wanted, .. } => found.push(Given::Number(wanted)),
            Field::SizeOf { value, .. } => sizes[value] = number as usize,
            Field::Reserved { .. } => {}
            Field::Sized | Field::Rest { .. } => found.push(Given::Octets(taken)),
        }
    }
    octets.is_empty().then_some(())
}

fn without_reserved(fields: &[Field], octets: &[u8]) -> Vec<u8> {
    let (mut same, mut at) = (octets.to_vec(), 0);
    for field in fields {
        match *field {
            Field::Reserved { octets } => {
                same[at..at + octets].fill(0);
                at += octets;
            }
            Field::Number { octets } | Field::Expected { octets, .. } | Field::SizeOf { octets, .. } => at += octets,
            Field::Sized | Field::Rest { .. } => break,
        }
    }
    same
}

/// Payloads stand one behind the other, go by the rules, and make the same octets again.
fn walked(rules: &Rules, first: u8, octets: &[u8]) {
    let (mut walk, mut written, mut seen) = (Walk::new(rules, first, octets), Vec::new(), Vec::new());
    let mut wanted = first;
    while let Ok(Some(payload)) = walk.step() {
        assert_eq!((payload.kind, payload.start), (wanted, written.len()));
        assert_eq!((payload.body.start, payload.body.end), (payload.start + GENERIC, walk.offset()));
        let again = seen.contains(&payload.kind);
        assert!(!(rules.foreign.has(payload.kind) || again && rules.single.has(payload.kind)));
        assert!(seen.len() < rules.most && !seen.iter().any(|kind| rules.last.has(*kind)));
        seen.push(payload.kind);
        wanted = payload.following;
        written.resize(payload.body.start, 0);
        written.extend_from_slice(&octets[payload.body]);
        close(&mut written, payload.start, payload.following, payload.critical).expect("as long as it was");
    }
    assert!(walk.offset() <= octets.len());
    for (place, octet) in written.iter().enumerate().filter(|(place, octet)| octets[*place] != **octet) {
        assert_eq!(octet & 0x7f, 0, "only reserved bits of flags may change: octet {place}");
    }
}
