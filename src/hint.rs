//! What the user can do about an error.

/// An error which may know what the user can do about it.
///
/// The text of an error says what happened. A hint says what to do next, and
/// is given only when we are sure: a wrong hint costs more than none.
pub trait Hint: std::error::Error {
    /// What to do next, in one sentence, lower case, without a final period.
    fn hint(&self) -> Option<String> {
        None
    }
}
