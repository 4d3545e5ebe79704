//! For tests: what must be true of a comparison before anything is sorted by it. Rust's sort panics
//! where it is not.

use std::cmp::Ordering;
use std::fmt::Debug;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

/// Reflexive, antisymmetric and transitive, over three values in every arrangement.
pub fn is_total<T: Debug>(
    values: &[T; 3],
    order: impl Fn(&T, &T) -> Ordering,
) -> Result<(), TestCaseError> {
    for a in values {
        prop_assert_eq!(order(a, a), Ordering::Equal, "{:?} with itself", a);
        for b in values {
            prop_assert_eq!(order(a, b), order(b, a).reverse(), "{:?} and {:?}", a, b);
            for c in values.iter().filter(|c| order(a, b).is_le() && order(b, c).is_le()) {
                prop_assert!(order(a, c).is_le(), "{:?}, {:?}, {:?}", a, b, c);
                prop_assert!(
                    order(a, c).is_lt() || (order(a, b).is_eq() && order(b, c).is_eq()),
                    "{:?}, {:?}, {:?}",
                    a,
                    b,
                    c
                );
            }
        }
    }
    Ok(())
}

/// Three texts like versions, near enough to each other that all rules of an order are met.
pub fn versions() -> impl Strategy<Value = [String; 3]> {
    let one = || prop_oneof![3 => "[01a.~^_:-]{0,5}", 2 => "(1:)?[01]([.a~^]{1,2}[1b]?)?(-[01]{1,2})?", 1 => "[0-9a-cA-Z~+^.:_é-]{0,9}"];
    [one(), one(), one()]
}

proptest! {
    /// The check finds what is no order: versions whose releases count only where both have one.
    #[test]
    fn what_is_no_order_is_found(end in "[2-9]") {
        let three = ["1-1".to_owned(), "1".to_owned(), format!("1-{end}")];
        prop_assert!(is_total(&three, |a, b| crate::software::formats::arch::compare(a, b)).is_err());
    }
}
