//! Object stores by URL scheme, created on first use, with credentials from the usual environment variables.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::client::ClientOptions;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::http::HttpBuilder;
use url::Url;

use crate::error::invalid;

/// The stores of an engine.
#[derive(Debug, Default)]
pub(super) struct Stores {
    known: DefaultObjectStoreRegistry,
}

impl ObjectStoreRegistry for Stores {
    fn register_store(&self, url: &Url, store: Arc<dyn ObjectStore>) -> Option<Arc<dyn ObjectStore>> {
        self.known.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        self.known.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>> {
        if let Ok(store) = self.known.get_store(url) {
            return Ok(store);
        }
        let store = connect(url)?;
        self.known.register_store(url, Arc::clone(&store));
        Ok(store)
    }
}

fn connect(url: &Url) -> Result<Arc<dyn ObjectStore>> {
    let place = url.as_str();
    let fail = |variables: &str| {
        let variables = variables.to_string();
        move |error: object_store::Error| invalid(place, format!("{error}; credentials come from {variables}"))
    };
    Ok(match url.scheme() {
        "s3" | "s3a" => Arc::new(
            AmazonS3Builder::from_env()
                .with_url(place)
                .build()
                .map_err(fail("AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION"))?,
        ),
        "gs" => Arc::new(
            GoogleCloudStorageBuilder::from_env().with_url(place).build().map_err(fail("GOOGLE_APPLICATION_CREDENTIALS"))?,
        ),
        "az" | "azure" | "abfs" | "abfss" => Arc::new(
            MicrosoftAzureBuilder::from_env()
                .with_url(place)
                .build()
                .map_err(fail("AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ACCOUNT_KEY"))?,
        ),
        "http" | "https" => {
            let options = ClientOptions::new().with_allow_http(url.scheme() == "http");
            Arc::new(
                HttpBuilder::new()
                    .with_url(&url[..url::Position::BeforePath])
                    .with_client_options(options)
                    .build()
                    .map_err(fail("the URL"))?,
            )
        }
        other => {
            return Err(invalid(
                place,
                format!("the scheme {other}:// is not supported; use a path, s3://, gs://, az:// or https://"),
            ));
        }
    })
}
