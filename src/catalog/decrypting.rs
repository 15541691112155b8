//! Encryption of data files, with Parquet modular encryption.
//!
//! The footer and all columns are encrypted with AES-256-GCM under the file's own key. The file name is authenticated as additional data,
//! so a part of one file cannot be put in place of another's. DataFusion asks for a file's key by name when it opens the file, and gets it
//! from what is known of the file since it was pinned; plans contain no keys, and neither does their printed form.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::Result;
use datafusion::config::{EncryptionFactoryOptions, TableParquetOptions};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::execution::parquet_encryption::EncryptionFactory;
use object_store::path::Path as Location;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::encryption::decrypt::FileDecryptionProperties;
use parquet::encryption::encrypt::FileEncryptionProperties;

use super::store::DataStore;
use crate::encryption::Secret;
use crate::error::{failed, invalid};

/// The name under which DataFusion asks for the keys of data files.
pub const FACTORY: &str = "portrait-data";

/// The properties for encrypting a file.
///
/// # Errors
/// None for keys made by this program.
pub fn encryption(name: &str, key: &Secret) -> Result<Arc<FileEncryptionProperties>> {
    let properties = FileEncryptionProperties::builder(key.bytes().to_vec()).with_aad_prefix(name.as_bytes().to_vec());
    Ok(properties.with_aad_prefix_storage(false).build()?)
}

/// The properties for decrypting a file.
fn decryption(name: &str, key: &Secret) -> Result<Arc<FileDecryptionProperties>> {
    let properties = FileDecryptionProperties::builder(key.bytes().to_vec());
    Ok(properties.with_aad_prefix(name.as_bytes().to_vec()).build()?)
}

/// The options for reading a file without DataFusion.
///
/// # Errors
/// None for keys made by this program.
pub fn reading(name: &str, key: Option<&Secret>) -> Result<ArrowReaderOptions> {
    let options = ArrowReaderOptions::default();
    Ok(match key {
        Some(key) => options.with_file_decryption_properties(decryption(name, key)?),
        None => options,
    })
}

/// The format with which DataFusion reads data files.
pub fn format(is_encrypted: bool) -> ParquetFormat {
    let mut options = TableParquetOptions::default();
    options.crypto.factory_id = is_encrypted.then(|| FACTORY.into());
    ParquetFormat::default().with_options(options)
}

#[async_trait]
impl EncryptionFactory for DataStore {
    async fn get_file_encryption_properties(
        &self,
        _config: &EncryptionFactoryOptions,
        _schema: &SchemaRef,
        _file: &Location,
    ) -> Result<Option<Arc<FileEncryptionProperties>>> {
        Err(invalid(FACTORY, "only reads and writes files of the database; COPY writes unencrypted files"))
    }

    async fn get_file_decryption_properties(
        &self,
        _config: &EncryptionFactoryOptions,
        file: &Location,
    ) -> Result<Option<Arc<FileDecryptionProperties>>> {
        let Some(known) = self.known(file.as_ref()) else {
            return Err(failed(file.as_ref(), "cannot be decrypted: no statement holds it for reading"));
        };
        known.key.as_ref().map(|key| decryption(file.as_ref(), key)).transpose()
    }
}
