//! The fields of one structure in the order of the wire: those of a fixed size first.

use std::ops::Range;

/// The largest number has 4 octets.
const WIDEST: usize = 4;

/// One part of a structure. A size is never a value of its own: it belongs to the next `Sized` of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Unsigned, in network order, of 1, 2 or 4 octets.
    Number { octets: usize },
    /// The same, and nothing else is right.
    Expected { octets: usize, number: u32 },
    /// Written zero and ignored when read.
    Reserved { octets: usize },
    /// The octets of the value with that index.
    SizeOf { value: usize, octets: usize },
    /// Octets whose size stands before them.
    Sized,
    /// Everything up to the end, at least so much.
    Rest { least: usize },
}

/// A value that was read: a number, or where its octets are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Number(u32),
    Octets(Range<usize>),
}

/// A value to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given<'a> {
    Number(u32),
    Octets(&'a [u8]),
}

/// Fields that make sense together.
#[derive(Clone, Debug)]
pub struct Layout {
    fields: Vec<Field>,
    values: usize,
}

impl Field {
    /// Octets in the part of a fixed size.
    fn fixed(self) -> Option<usize> {
        match self {
            Field::Number { octets }
            | Field::Expected { octets, .. }
            | Field::Reserved { octets }
            | Field::SizeOf { octets, .. } => Some(octets),
            Field::Sized | Field::Rest { .. } => None,
        }
    }

    fn has_value(self) -> bool {
        !matches!(self, Field::Reserved { .. } | Field::SizeOf { .. })
    }

    fn is_number(self) -> bool {
        matches!(self, Field::Number { .. } | Field::Expected { .. } | Field::SizeOf { .. })
    }
}

impl Layout {
    /// None where fields of a fixed size stand behind others, a number has another size than 1, 2 or 4, what is sized has
    /// not exactly one size before it, or something follows what reaches to the end.
    pub fn new(fields: &[Field]) -> Option<Self> {
        let fixed = fields.iter().take_while(|field| field.fixed().is_some()).count();
        let good_number = |field: &&Field| !field.is_number() || matches!(field.fixed(), Some(1 | 2 | 4));
        let valued: Vec<Field> = fields.iter().copied().filter(|field| field.has_value()).collect();
        let sizes = |index: usize| {
            let of_it = |field: &&Field| matches!(field, Field::SizeOf { value, .. } if *value == index);
            fields.iter().filter(of_it).count()
        };
        let fits = valued.iter().enumerate().all(|(index, field)| sizes(index) == usize::from(*field == Field::Sized));
        let known = fields.iter().all(|field| !matches!(field, Field::SizeOf { value, .. } if *value >= valued.len()));
        let rest_ends = fields.iter().rev().skip(1).all(|field| !matches!(field, Field::Rest { .. }));
        let behind = fields[fixed..].iter().all(|field| field.fixed().is_none());
        let good = fields.iter().filter(good_number).count() == fields.len() && fits && known && rest_ends && behind;
        good.then(|| Self { fields: fields.to_vec(), values: valued.len() })
    }

    /// Values that reading gives and writing takes, in the order of their fields.
    pub fn values(&self) -> usize {
        self.values
    }

    /// The values of `octets[of]`, added to `found`; None where the octets break the layout, and `found` means nothing then.
    pub fn read(&self, octets: &[u8], of: Range<usize>, found: &mut Vec<Value>) -> Option<()> {
        let (mut at, end, first) = (of.start, of.end, found.len());
        let mut sizes = Vec::new();
        for field in &self.fields {
            let size = match *field {
                Field::Sized => size_of(&sizes, found.len() - first)?,
                Field::Rest { least } => (end - at).max(least),
                other => other.fixed()?,
            };
            let taken = at..at.checked_add(size).filter(|next| *next <= end)?;
            at = taken.end;
            match *field {
                Field::Number { .. } => found.push(Value::Number(number(&octets[taken]))),
                Field::Expected { number: wanted, .. } if number(&octets[taken.clone()]) == wanted => {
                    found.push(Value::Number(wanted));
                }
                Field::Expected { .. } => return None,
                Field::Reserved { .. } => {}
                Field::SizeOf { value, .. } => sizes.push((value, number(&octets[taken]) as usize)),
                Field::Sized | Field::Rest { .. } => found.push(Value::Octets(taken)),
            }
        }
        (at == end).then_some(())
    }

    /// Adds the structure with these values to `out`. None where a value does not fit its field, and `out` means nothing
    /// then.
    pub fn write(&self, values: &[Given<'_>], out: &mut Vec<u8>) -> Option<()> {
        let mut next = values.iter();
        for field in &self.fields {
            match *field {
                Field::Number { octets } | Field::Expected { octets, .. } => {
                    let Given::Number(number) = *next.next()? else { return None };
                    put(number, octets, out)?;
                }
                Field::Reserved { octets } => out.resize(out.len() + octets, 0),
                Field::SizeOf { value, octets } => {
                    let Given::Octets(sized) = *values.get(value)? else { return None };
                    put(u32::try_from(sized.len()).ok()?, octets, out)?;
                }
                Field::Sized | Field::Rest { .. } => {
                    let Given::Octets(given) = *next.next()? else { return None };
                    out.extend_from_slice(given);
                }
            }
        }
        next.next().is_none().then_some(())
    }
}

fn size_of(sizes: &[(usize, usize)], value: usize) -> Option<usize> {
    sizes.iter().find(|(of, _)| *of == value).map(|(_, size)| *size)
}

fn number(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |number, octet| number << 8 | u32::from(*octet))
}

fn put(number: u32, octets: usize, out: &mut Vec<u8>) -> Option<()> {
    let whole = number.to_be_bytes();
    let (above, written) = whole.split_at(WIDEST - octets);
    if above.iter().any(|octet| *octet != 0) {
        return None;
    }
    out.extend_from_slice(written);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER: Field = Field::Number { octets: 1 };
    const SIZE: Field = Field::SizeOf { value: 1, octets: 1 };
    const REST: Field = Field::Rest { least: 2 };

    fn read(layout: &Layout, octets: &[u8]) -> Option<Vec<Value>> {
        let mut found = Vec::new();
        layout.read(octets, 0..octets.len(), &mut found).map(|()| found)
    }

    #[test]
    fn fields_that_make_no_sense_together_are_no_layout() {
        for good in [&[][..], &[NUMBER, REST], &[NUMBER, SIZE, Field::Sized], &[Field::Reserved { octets: 3 }]] {
            assert!(Layout::new(good).is_some(), "{good:?}");
        }
        let behind = [REST, NUMBER];
        let wide = [Field::Number { octets: 3 }];
        let unsized_ = [NUMBER, Field::Sized];
        let twice = [NUMBER, SIZE, SIZE, Field::Sized];
        let of_number = [NUMBER, Field::SizeOf { value: 0, octets: 1 }];
        let of_nothing = [NUMBER, Field::SizeOf { value: 7, octets: 1 }];
        let after_all = [SIZE, REST, Field::Sized];
        for bad in [&behind[..], &wide, &unsized_, &twice, &of_number, &of_nothing, &after_all] {
            assert!(Layout::new(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn values_are_read_and_written_again() {
        let layout = Layout::new(&[NUMBER, SIZE, Field::Reserved { octets: 1 }, Field::Sized, REST]).unwrap();
        let found = read(&layout, &[7, 2, 9, 1, 2, 3, 4, 5]).unwrap();
        assert_eq!(found, [Value::Number(7), Value::Octets(3..5), Value::Octets(5..8)]);
        let mut written = Vec::new();
        let given = [Given::Number(7), Given::Octets(&[1, 2]), Given::Octets(&[3, 4, 5])];
        layout.write(&given, &mut written).unwrap();
        assert_eq!(written, [7, 2, 0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn octets_that_break_the_layout_are_refused() {
        let layout = Layout::new(&[Field::Expected { octets: 2, number: 258 }, SIZE, Field::Sized]).unwrap();
        assert!(read(&layout, &[1, 2, 1, 9]).is_some());
        for bad in [&[][..], &[1, 2], &[1, 3, 1, 9], &[1, 2, 1], &[1, 2, 2, 9], &[1, 2, 1, 9, 9]] {
            assert_eq!(read(&layout, bad), None);
        }
        assert_eq!(read(&Layout::new(&[REST]).unwrap(), &[1]), None);
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let layout = Layout::new(&[NUMBER, SIZE, Field::Sized]).unwrap();
        let (long, octets) = ([0; 256], Given::Octets(&[1]));
        let tries = [
            &[Given::Number(256), octets][..],
            &[Given::Number(1), Given::Octets(&long)],
            &[octets, octets],
            &[Given::Number(1), Given::Number(1)],
            &[Given::Number(1)],
            &[Given::Number(1), octets, octets],
        ];
        assert!(tries.iter().all(|bad| layout.write(bad, &mut Vec::new()).is_none()));
    }
}
