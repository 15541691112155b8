//! Plain data with a name: the content of a step or of one of our functions, which can be compared, explained and sent.
//!
//! A struct derives serde's `Serialize` and `Deserialize` and defines its [`NAME`](Plain::NAME). From this follow
//!
//! - its bytes, from which any process that knows the name can recreate it;
//! - equality, hash and order of steps, which compare the name and the bytes;
//! - its parameters in EXPLAIN, see [`mod@explain`].
//!
//! [`values`] adds constants and arrays of Arrow, which serde does not know. Fields that do not help a reader of EXPLAIN are marked
//! `#[serde(with = "untold")]`. Do not use `skip_serializing_if`: the bytes ([postcard]) hold no field names, so a field that was skipped
//! in writing would still be expected in reading.

mod explain;
pub mod untold;
mod values;

use std::fmt::Debug;

use datafusion::common::Result;
use datafusion::error::DataFusionError;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::failed;
pub use explain::explain;
pub use values::{Scalar, Values};

/// Plain data with a name.
pub trait Plain: Serialize + DeserializeOwned + Debug + Send + Sync + 'static {
    /// Its name, unique among all steps, or among all functions of the same kind.
    const NAME: &'static str;

    /// Encodes it as bytes, without the name.
    ///
    /// # Errors
    /// It holds a value that has no serialized form.
    fn encode(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self).map_err(|error| unusual::<Self>("written to bytes", &error))
    }

    /// Decodes what [`encode`](Self::encode) has written.
    ///
    /// # Errors
    /// The bytes do not encode this type.
    fn decode(bytes: &[u8]) -> Result<Self> {
        match postcard::take_from_bytes(bytes) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(unusual::<Self>("read from bytes", &format!("{} bytes are left over", rest.len()))),
            Err(error) => Err(unusual::<Self>("read from bytes", &error)),
        }
    }
}

fn unusual<P: Plain>(done: &str, problem: &dyn std::fmt::Display) -> DataFusionError {
    failed(P::NAME, format!("cannot be {done}: {problem}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Whole {
        threshold: Threshold,
        method: Method,
        limit: Option<usize>,
        none: Option<usize>,
        flag: bool,
        off: bool,
        inner: Inner,
        #[serde(with = "untold")]
        hidden: String,
        pairs: Vec<(String, u8)>,
        empty: Vec<u8>,
        options: BTreeMap<String, i64>,
        large: i128,
        word: Word,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Inner {
        share: f64,
        list: Vec<Self>,
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Threshold {
        MinSupport(f64),
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Method {
        Ntile { bins: u8 },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Word {
        Standard,
    }

    impl Plain for Whole {
        const NAME: &'static str = "whole";
    }

    fn whole() -> Whole {
        Whole {
            threshold: Threshold::MinSupport(0.01),
            method: Method::Ntile { bins: 5 },
            limit: Some(7),
            none: None,
            flag: true,
            off: false,
            inner: Inner { share: f64::INFINITY, list: vec![Inner { share: 0.5, list: vec![] }] },
            hidden: "secret".into(),
            pairs: vec![("a".into(), 1), ("b".into(), 2)],
            empty: vec![],
            options: BTreeMap::from([("tol".into(), 3)]),
            large: i128::MIN,
            word: Word::Standard,
        }
    }

    #[test]
    fn bytes_come_back() {
        let bytes = whole().encode().unwrap();
        assert_eq!(Whole::decode(&bytes).unwrap(), whole());
        assert!(Whole::decode(&bytes[..bytes.len() - 1]).is_err());
        let longer = [bytes.as_slice(), &[0]].concat();
        let error = Whole::decode(&longer).unwrap_err();
        assert!(crate::error::message(&error).contains("whole: cannot be read from bytes"), "{error}");
    }

    #[test]
    fn what_says_something_is_explained() {
        assert_eq!(
            explain(&whole()),
            "min_support=0.01, method=ntile, bins=5, limit=7, flag=true, share=inf, list=[0.5 []], pairs=[a 1, b 2], tol=3, \
             large=-170141183460469231731687303715884105728, word=Standard"
        );
    }
}
