//! Functions that take the place of the engine's and compute a part of its work themselves.

/// Methods of an [`AggregateUDFImpl`](datafusion::logical_expr::AggregateUDFImpl) or a
/// [`ScalarUDFImpl`](datafusion::logical_expr::ScalarUDFImpl) that are those of the engine's function, which is in the field `engine`.
macro_rules! of_engine {
    ($($method:ident),+ $(,)?) => { $($crate::builtins::of_engine::method!($method);)+ };
}

macro_rules! method {
    (name) => {
        fn name(&self) -> &str {
            self.engine.name()
        }
    };
    (aliases) => {
        fn aliases(&self) -> &[String] {
            self.engine.aliases()
        }
    };
    (signature) => {
        fn signature(&self) -> &datafusion::logical_expr::Signature {
            self.engine.signature()
        }
    };
    (coerce_types) => {
        fn coerce_types(
            &self,
            types: &[datafusion::arrow::datatypes::DataType],
        ) -> datafusion::common::Result<Vec<datafusion::arrow::datatypes::DataType>> {
            self.engine.coerce_types(types)
        }
    };
    (return_type) => {
        fn return_type(
            &self,
            types: &[datafusion::arrow::datatypes::DataType],
        ) -> datafusion::common::Result<datafusion::arrow::datatypes::DataType> {
            self.engine.return_type(types)
        }
    };
    (return_field) => {
        fn return_field(
            &self,
            arguments: &[datafusion::arrow::datatypes::FieldRef],
        ) -> datafusion::common::Result<datafusion::arrow::datatypes::FieldRef> {
            self.engine.return_field(arguments)
        }
    };
    (is_nullable) => {
        fn is_nullable(&self) -> bool {
            self.engine.is_nullable()
        }
    };
    (default_value) => {
        fn default_value(
            &self,
            data_type: &datafusion::arrow::datatypes::DataType,
        ) -> datafusion::common::Result<datafusion::common::ScalarValue> {
            self.engine.default_value(data_type)
        }
    };
    (supports_null_handling_clause) => {
        fn supports_null_handling_clause(&self) -> bool {
            self.engine.supports_null_handling_clause()
        }
    };
    (supports_within_group_clause) => {
        fn supports_within_group_clause(&self) -> bool {
            self.engine.supports_within_group_clause()
        }
    };
    (return_field_from_args) => {
        fn return_field_from_args(
            &self,
            arguments: datafusion::logical_expr::ReturnFieldArgs<'_>,
        ) -> datafusion::common::Result<datafusion::arrow::datatypes::FieldRef> {
            self.engine.return_field_from_args(arguments)
        }
    };
    (is_strict) => {
        fn is_strict(&self) -> bool {
            self.engine.is_strict()
        }
    };
    (output_ordering) => {
        fn output_ordering(
            &self,
            arguments: &[datafusion::logical_expr::sort_properties::ExprProperties],
        ) -> datafusion::common::Result<datafusion::logical_expr::sort_properties::SortProperties> {
            self.engine.output_ordering(arguments)
        }
    };
    (documentation) => {
        fn documentation(&self) -> Option<&datafusion::logical_expr::Documentation> {
            self.engine.documentation()
        }
    };
}

pub(crate) use {method, of_engine};
