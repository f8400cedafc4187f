//! Where the data of a server is kept.

use std::fmt;
use std::path::PathBuf;

use drover_acs::AcsConfig;
use drover_cwmp::auth::Secret;
use drover_store::{Error, Retention, Store, server_name};

/// What is in the folder of a database.
pub(crate) const DATABASE: &str = "drover.db";

/// A place for a store.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// A folder with a SQLite database.
    Folder(PathBuf),
    /// A database of a PostgreSQL server.
    Server {
        /// Its address, perhaps with a password.
        url: Secret,
        /// Its address for people.
        name: String,
    },
}

impl Data {
    /// What the command line says, else the configuration.
    ///
    /// # Errors
    /// [`Error::InvalidUrl`] for an address that cannot be one.
    pub(crate) fn of(folder: Option<PathBuf>, config: &AcsConfig) -> Result<Self, Error> {
        match (folder, &config.database) {
            (Some(folder), _) => Ok(Self::Folder(folder)),
            (None, Some(url)) => {
                let name = server_name(url.expose())?;
                Ok(Self::Server { url: url.clone(), name })
            }
            (None, None) => Ok(Self::Folder(config.data_dir.clone())),
        }
    }

    /// Whether there is nothing yet. Of a server that is not known before it is asked.
    pub(crate) fn is_new(&self) -> bool {
        matches!(self, Self::Folder(folder) if !folder.join(DATABASE).exists())
    }

    /// Opens the store, which keeps this much of the past. Blocks while it is checked.
    ///
    /// # Errors
    /// As [`Store::open`] and [`Store::connect`].
    pub(crate) fn open(&self, retention: Retention) -> Result<Store, Error> {
        match self {
            Self::Folder(folder) => Store::open_with(folder, retention),
            Self::Server { url, .. } => Store::connect_with(url.expose(), retention),
        }
    }
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(f),
            Self::Server { name, .. } => write!(f, "PostgreSQL {name}"),
        }
    }
}
