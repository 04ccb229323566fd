//! Exponentiation modulo an odd number, for Diffie-Hellman over the MODP groups (RFC 2409 §6, RFC 3526).
//!
//! The time depends on the length of the modulus and on the length in octets in which an exponent is given, on no
//! value.
#![forbid(unsafe_code)]

use std::fmt;
use std::sync::Arc;

use crypto_bigint::modular::{BoxedMontyForm, BoxedMontyParams};
use crypto_bigint::{BoxedUint, Odd};
use zeroize::Zeroize;

const OCTET_BITS: u32 = 8;

/// What cannot be computed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// The modulus is even, 1, empty, or begins with a zero octet.
    Modulus,
    /// The base has another length than the modulus, or is not below it.
    Base,
    /// An exponent without octets.
    Exponent,
}

impl fmt::Display for Unfit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Modulus => "a modulus is odd, above 1 and written without zero octets in front",
            Self::Base => "a base is below the modulus and as long",
            Self::Exponent => "an exponent has at least one octet",
        })
    }
}

impl std::error::Error for Unfit {}

/// A modulus, with what every exponentiation needs to know of it.
pub struct Modulus {
    parameters: Arc<BoxedMontyParams>,
    octets: usize,
}

impl Modulus {
    /// The modulus is public and in network order.
    pub fn new(modulus: &[u8]) -> Result<Self, Unfit> {
        if matches!(modulus, [] | [0 | 1] | [0, ..]) {
            return Err(Unfit::Modulus);
        }
        let number = number(modulus).ok_or(Unfit::Modulus)?;
        let odd = Option::<Odd<BoxedUint>>::from(number.to_odd()).ok_or(Unfit::Modulus)?;
        Ok(Self { parameters: Arc::new(BoxedMontyParams::new_vartime(odd)), octets: modulus.len() })
    }

    /// `base` to the power of `exponent`, as long as the modulus; all in network order. Zero octets in front of the
    /// exponent count in the time that it takes, and in nothing else.
    pub fn power(&self, base: &[u8], exponent: &[u8]) -> Result<Vec<u8>, Unfit> {
        let bits = bits(exponent).filter(|bits| *bits > 0).ok_or(Unfit::Exponent)?;
        let base = self.reduced(base)?;
        let mut exponent = number(exponent).ok_or(Unfit::Exponent)?;
        let power = BoxedMontyForm::new_with_arc(base, self.parameters.clone()).pow_bounded_exp(&exponent, bits);
        exponent.zeroize();
        let octets = power.retrieve().to_be_bytes();
        Ok(octets[octets.len() - self.octets..].to_vec())
    }

    fn reduced(&self, base: &[u8]) -> Result<BoxedUint, Unfit> {
        let base = number(base).filter(|_| base.len() == self.octets).ok_or(Unfit::Base)?;
        if base >= **self.parameters.modulus() {
            return Err(Unfit::Base);
        }
        Ok(base)
    }
}

fn number(octets: &[u8]) -> Option<BoxedUint> {
    BoxedUint::from_be_slice(octets, bits(octets)?).ok()
}

fn bits(octets: &[u8]) -> Option<u32> {
    u32::try_from(octets.len()).ok()?.checked_mul(OCTET_BITS)
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
