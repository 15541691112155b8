//! What many hold and others need not look into.
//!
//! The compiler proves of every future that it may go to another thread, and for that looks at all types that the future can reach. From a
//! statement these are hundreds, the syntax tree of SQL among them; in methods of traits it does so anew for each one.

use std::fmt::{self, Debug};
use std::ops::Deref;
use std::sync::Arc;

/// A value behind a trait object, shared like an [`Arc`]: that it may go between threads is proved where it is made, and seen from outside
/// wherever it is held.
pub struct Opaque<T: 'static>(Arc<dyn Held<T>>);

trait Held<T>: Send + Sync {
    fn held(&self) -> &T;
}

impl<T: Send + Sync> Held<T> for T {
    fn held(&self) -> &T {
        self
    }
}

impl<T: Send + Sync> Opaque<T> {
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for Opaque<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Opaque<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().held()
    }
}

impl<T: Debug> Debug for Opaque<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A method of an async trait, whose future is made by an associated function: by itself the trait would have the compiler prove anew, for
/// each such method, what all of them hold.
macro_rules! forward {
    (fn $name:ident<$($life:lifetime),*>(&self $(, $argument:ident: $type:ty)*) -> $result:ty = $made:path) => {
        fn $name<'this, $($life,)* 'future>(
            &'this self,
            $($argument: $type),*
        ) -> futures::future::BoxFuture<'future, $result>
        where
            'this: 'future,
            $($life: 'future,)*
            Self: 'future,
        {
            $made(self, $($argument),*)
        }
    };
}

pub(crate) use forward;
