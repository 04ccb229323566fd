//! Exponentiation modulo an odd number, for Diffie-Hellman over the MODP groups (RFC 2409 §6, RFC 3526).
//!
//! The time depends on the length of the modulus and on the length in octets in which an exponent is given, on no
//! value.

mod bignum;

use std::fmt;

use bignum::{Montgomery, Number};

/// What cannot be computed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The modulus is even, 1, empty, or begins with a zero octet.
    Modulus,
    /// The base has another length than the modulus, or is not below it.
    Base,
    /// An exponent without octets.
    Exponent,
    /// The system gave no memory.
    Memory,
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Modulus => "a modulus is odd, above 1 and written without zero octets in front",
            Self::Base => "a base is below the modulus and as long",
            Self::Exponent => "an exponent has at least one octet",
            Self::Memory => "there is no memory for an exponentiation",
        })
    }
}

impl std::error::Error for Unfit {}

/// A modulus, with what every exponentiation needs to know of it.
pub struct Modulus {
    octets: Vec<u8>,
    montgomery: Montgomery,
}

impl Modulus {
    /// The modulus is public and in network order.
    pub fn new(modulus: &[u8]) -> Result<Self, Unfit> {
        if matches!(modulus, [] | [1] | [0, ..]) || modulus.last().is_some_and(|last| last & 1 == 0) {
            return Err(Unfit::Modulus);
        }
        let montgomery = Montgomery::new(Number::new(modulus).ok_or(Unfit::Memory)?).ok_or(Unfit::Memory)?;
        Ok(Self { octets: modulus.to_vec(), montgomery })
    }

    /// `base` to the power of `exponent`, as long as the modulus; all in network order. Zero octets in front of the
    /// exponent count in the time that it takes, and in nothing else.
    pub fn power(&self, base: &[u8], exponent: &[u8]) -> Result<Vec<u8>, Unfit> {
        if base.len() != self.octets.len() || base >= self.octets.as_slice() {
            return Err(Unfit::Base);
        }
        if exponent.is_empty() {
            return Err(Unfit::Exponent);
        }
        self.computed(base, exponent).ok_or(Unfit::Memory)
    }

    fn computed(&self, base: &[u8], exponent: &[u8]) -> Option<Vec<u8>> {
        let power = self.montgomery.power(&Number::new(base)?, &Number::new(exponent)?)?;
        power.octets(self.octets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PRIME: u64 = 0xffff_ffff_ffff_ffc5;

    fn school(base: u64, exponent: u64) -> u64 {
        let (mut result, mut square) = (1u128, u128::from(base));
        for bit in 0..64 {
            if exponent >> bit & 1 == 1 {
                result = result * square % u128::from(PRIME);
            }
            square = square * square % u128::from(PRIME);
        }
        u64::try_from(result).expect("reduced")
    }

    proptest! {
        #[test]
        fn it_is_what_schoolbooks_compute(base in 0..PRIME, exponent: u64, zeros in 0usize..20) {
            let modulus = Modulus::new(&PRIME.to_be_bytes()).expect("odd");
            let padded = [vec![0; zeros], exponent.to_be_bytes().to_vec()].concat();
            let power = modulus.power(&base.to_be_bytes(), &padded).expect("fit");
            prop_assert_eq!(power, school(base, exponent).to_be_bytes());
        }

        #[test]
        fn both_ends_agree(x: [u8; 40], y: [u8; 32], low: [u8; 128]) {
            let mut modulus = low;
            modulus[0] |= 0x80;
            modulus[127] |= 1;
            let modulus = Modulus::new(&modulus).expect("odd");
            let mut two = [0; 128];
            two[127] = 2;
            let power = |base: &[u8], exponent: &[u8]| modulus.power(base, exponent).expect("fit");
            prop_assert_eq!(power(&power(&two, &x), &y), power(&power(&two, &y), &x));
        }
    }

    #[test]
    fn a_modulus_of_any_length_works() {
        let modulus = Modulus::new(&[0x01, 0x00, 0x01]).expect("65537");
        assert_eq!(modulus.power(&[0, 0, 2], &[16]), Ok(vec![1, 0, 0]));
        assert_eq!(modulus.power(&[0, 0, 2], &[0]), Ok(vec![0, 0, 1]));
    }

    #[test]
    fn what_is_unfit_is_refused() {
        for modulus in [&[][..], &[0], &[1], &[4], &[0, 5], &[1, 0]] {
            assert!(matches!(Modulus::new(modulus), Err(Unfit::Modulus)));
        }
        let modulus = Modulus::new(&[0x01, 0x01]).expect("257");
        for base in [&[][..], &[2], &[1, 1], &[1, 2], &[0, 0, 2]] {
            assert_eq!(modulus.power(base, &[3]), Err(Unfit::Base));
        }
        assert_eq!(modulus.power(&[0, 2], &[]), Err(Unfit::Exponent));
    }
}
