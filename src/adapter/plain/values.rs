//! Arrow constants and arrays as plain data. EXPLAIN shows them as SQL does; they are sent in Arrow's stream format, so that types,
//! NULLs, NaNs and infinities are preserved.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::io::Cursor;
use std::sync::Arc;

use datafusion::arrow::array::{Array as _, ArrayRef, RecordBatch};
use datafusion::arrow::datatypes::{Field, Schema};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::common::ScalarValue;
use datafusion::common::utils::SingleRowListArrayBuilder;
use serde::de::{Error as _, Visitor};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A constant of any type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scalar(pub ScalarValue);

impl Serialize for Scalar {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&self.0);
        }
        Values(self.0.to_array().map_err(S::Error::custom)?).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Values(values) = Values::deserialize(deserializer)?;
        ScalarValue::try_from_array(&values, 0).map(Self).map_err(D::Error::custom)
    }
}

/// Values of one type.
#[derive(Debug, Clone)]
pub struct Values(pub ArrayRef);

impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_ref() == other.0.as_ref()
    }
}

impl Eq for Values {}

impl Hash for Values {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.0.data_type(), self.0.len()).hash(state);
    }
}

impl Serialize for Values {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&SingleRowListArrayBuilder::new(Arc::clone(&self.0)).build_list_scalar());
        }
        serializer.serialize_bytes(&write(&self.0).map_err(S::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Bytes)
    }
}

struct Bytes;

impl Visitor<'_> for Bytes {
    type Value = Values;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array in Arrow's stream format")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Values, E> {
        read(bytes).map(Values).map_err(E::custom)
    }
}

fn write(values: &ArrayRef) -> Result<Vec<u8>, ArrowError> {
    let schema = Arc::new(Schema::new(vec![Field::new("values", values.data_type().clone(), true)]));
    let mut writer = StreamWriter::try_new(vec![], &schema)?;
    writer.write(&RecordBatch::try_new(schema, vec![Arc::clone(values)])?)?;
    writer.into_inner()
}

fn read(bytes: &[u8]) -> Result<ArrayRef, ArrowError> {
    let mut batches = StreamReader::try_new(Cursor::new(bytes), None)?;
    let batch = batches.next().ok_or_else(|| ArrowError::IpcError("there is no array".into()))??;
    Ok(Arc::clone(batch.column(0)))
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Float64Array, Int32Array};
    use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, i256};
    use datafusion::common::utils::SingleRowListArrayBuilder;

    use super::*;

    fn again(value: &ScalarValue) -> ScalarValue {
        let bytes = postcard::to_stdvec(&Scalar(value.clone())).unwrap();
        postcard::from_bytes::<Scalar>(&bytes).unwrap().0
    }

    #[test]
    fn constants_come_back_as_they_were() {
        let list = |values: ArrayRef| SingleRowListArrayBuilder::new(values).build_list_scalar();
        let text = |text: &str| ScalarValue::from(text);
        let values = [
            ScalarValue::Null,
            ScalarValue::Boolean(None),
            ScalarValue::Int64(Some(i64::MIN)),
            ScalarValue::UInt64(Some(u64::MAX)),
            ScalarValue::Float64(Some(f64::NEG_INFINITY)),
            ScalarValue::Float64(Some(f64::NAN)),
            ScalarValue::Float64(Some(-0.0)),
            ScalarValue::Float32(Some(0.1)),
            ScalarValue::Decimal128(Some(-1), 38, 10),
            ScalarValue::Decimal128(None, 5, 2),
            ScalarValue::Decimal256(Some(i256::MAX), 76, 3),
            text("顾客"),
            text(""),
            ScalarValue::Utf8View(Some("longer than what a view holds itself".into())),
            ScalarValue::LargeUtf8(None),
            ScalarValue::Binary(Some(vec![0, 255])),
            ScalarValue::Date32(Some(-1)),
            ScalarValue::TimestampMicrosecond(Some(1), Some("Asia/Shanghai".into())),
            ScalarValue::TimestampNanosecond(None, None),
            ScalarValue::IntervalMonthDayNano(Some(IntervalMonthDayNano::new(1, -2, 3))),
            ScalarValue::Dictionary(Box::new(DataType::Int8), Box::new(text("paid"))),
            list(Arc::new(Int32Array::from(vec![Some(1), None, Some(3)]))),
            list(Arc::new(Int32Array::from(vec![Some(0), Some(1), None]).slice(1, 2))),
            list(Arc::new(Float64Array::from(vec![f64::INFINITY, f64::NAN]))),
        ];
        for value in values {
            let back = again(&value);
            assert_eq!(back, value);
            assert_eq!(back.data_type(), value.data_type());
        }
    }

    #[test]
    fn damaged_bytes_are_an_error() {
        let bytes = postcard::to_stdvec(&Scalar(ScalarValue::Int64(Some(1)))).unwrap();
        for length in 0..bytes.len() {
            assert!(postcard::from_bytes::<Scalar>(&bytes[..length]).is_err(), "{length}");
        }
    }
}
