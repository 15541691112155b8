//! UUIDs, which Parquet stores as 16 bytes. Here they are texts, as in tables of PostgreSQL. And floats, whose NaN may have a sign in files of
//! other programs, as their zero may: numpy stores 0 / 0 as such. Here both have none.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{AsArray, StringViewArray};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::common::tree_node::{Transformed, TransformedResult};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, Volatility, create_udf};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::{DefaultPhysicalExprAdapterFactory, PhysicalExprAdapter, PhysicalExprAdapterFactory};
use parquet::basic::LogicalType;
use parquet::file::metadata::ParquetMetaData;
use uuid::Uuid;

use crate::builtins::one_nan::plain_function;
use crate::walk::Tree;

/// The type in which they are read.
pub const STORED: DataType = DataType::FixedSizeBinary(16);

/// The names of a file's columns of UUIDs.
pub fn uuids(metadata: &ParquetMetaData) -> Vec<String> {
    let columns = metadata.file_metadata().schema_descr().root_schema().get_fields();
    let are_uuids = columns.iter().filter(|column| column.get_basic_info().logical_type_ref() == Some(&LogicalType::Uuid));
    are_uuids.map(|column| column.name().to_string()).collect()
}

/// Adapts expressions to files in which some columns, given by name, may be UUIDs, and others may be floats.
#[derive(Debug)]
pub struct ValuesAsRead {
    pub uuids: Vec<String>,
}

impl PhysicalExprAdapterFactory for ValuesAsRead {
    fn create(&self, table: SchemaRef, file: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        let stored = |field: &FieldRef| {
            let stored = file.field_with_name(field.name()).ok()?;
            let is_converted = *stored.data_type() == STORED && *field.data_type() == DataType::Utf8View;
            (is_converted && self.uuids.contains(field.name())).then_some(stored)
        };
        let texts = table.fields().iter().filter(|field| stored(field).is_some()).cloned().collect();
        // DataFusion leaves these columns as they are stored.
        let as_stored = |field: &FieldRef| stored(field).map_or_else(|| Arc::clone(field), |stored| Arc::new(stored.clone()));
        let bytes = Arc::new(Schema::new(table.fields().iter().map(as_stored).collect::<Vec<_>>()));
        let floats = file.fields().iter().filter(|field| field.data_type().is_floating()).cloned().collect();
        Ok(Arc::new(Adapter { texts, floats, engine: DefaultPhysicalExprAdapterFactory.create(bytes, Arc::clone(&file))? }))
    }
}

#[derive(Debug)]
struct Adapter {
    /// The columns of UUIDs as the table has them.
    texts: Vec<FieldRef>,
    /// The columns of floats as the file has them.
    floats: Vec<FieldRef>,
    engine: Arc<dyn PhysicalExprAdapter>,
}

impl PhysicalExprAdapter for Adapter {
    fn rewrite(&self, expression: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        let as_read = |part: Arc<dyn PhysicalExpr>| {
            let Some(column) = part.downcast_ref::<Column>() else { return Ok(Transformed::no(part)) };
            let of = |fields: &[FieldRef]| fields.iter().find(|field| field.name() == column.name()).cloned();
            let (function, field) = match (of(&self.texts), of(&self.floats)) {
                (Some(text), _) => (&AS_TEXT, text),
                (None, Some(float)) if matches!(float.data_type(), DataType::Float32 | DataType::Float64) => (&AS_PLAIN, float),
                _ => return Ok(Transformed::no(part)),
            };
            let options = Arc::new(ConfigOptions::default());
            let call = ScalarFunctionExpr::new(function.name(), Arc::clone(function), vec![part], field, options);
            Ok(Transformed::yes(Arc::new(call) as Arc<dyn PhysicalExpr>))
        };
        self.engine.rewrite(expression)?.changed_up(as_read).data()
    }
}

static AS_PLAIN: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Arc::new(plain_function()));

static AS_TEXT: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    let as_text = |arguments: &[ColumnarValue]| -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let text = |bytes: &[u8]| Uuid::from_slice(bytes).ok().map(|uuid| uuid.hyphenated().to_string());
        let texts: StringViewArray = arrays[0].as_fixed_size_binary().iter().map(|bytes| bytes.and_then(text)).collect();
        Ok(ColumnarValue::Array(Arc::new(texts)))
    };
    Arc::new(create_udf("uuid_text", vec![STORED], DataType::Utf8View, Volatility::Immutable, Arc::new(as_text)))
});
