//! What is carried among the settings of a plan and is no setting itself: functions and operators find it there, and SQL can neither set
//! nor list it.

/// Makes a type one that is carried so; a third argument says in an error what to write in the place of `SET <prefix>.<key>`.
macro_rules! carried {
    ($type:ty, $prefix:literal) => {
        $crate::settings::carried!($type, $prefix, |_: &str| "is not a setting".to_string());
    };
    ($type:ty, $prefix:literal, $instead:expr) => {
        impl datafusion::config::ConfigExtension for $type {
            const PREFIX: &'static str = $prefix;
        }

        impl datafusion::config::ExtensionOptions for $type {
            fn as_any(&self) -> &dyn std::any::Any {
                self
            }

            fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
                self
            }

            fn cloned(&self) -> Box<dyn datafusion::config::ExtensionOptions> {
                Box::new(self.clone())
            }

            fn set(&mut self, key: &str, _value: &str) -> datafusion::common::Result<()> {
                let instead: fn(&str) -> String = $instead;
                datafusion::common::config_err!("{}.{key}: {}", $prefix, instead(key))
            }

            fn entries(&self) -> Vec<datafusion::config::ConfigEntry> {
                vec![]
            }
        }
    };
}

pub(crate) use carried;
