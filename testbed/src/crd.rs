//! A resource as a CustomResourceDefinition describes it.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::keyed::KeyedList;
use crate::resource::Resource;

/// Why a [`Resource`] cannot be made from what should be a CustomResourceDefinition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidCrd(String);

impl fmt::Display for InvalidCrd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "invalid CustomResourceDefinition: {}", self.0)
    }
}

impl Error for InvalidCrd {}

impl Resource {
    /// The type that a CustomResourceDefinition describes: its group, its names, its scope, the versions that it serves
    /// and whether the status is a subresource. It may be of any crate and version, such as `Widget::crd()` of any kube.
    ///
    /// All versions hold the same objects, which differ in their `apiVersion` only, as with the conversion strategy
    /// `None`. Schemas, scale subresources, printer columns and selectable fields are not looked at.
    ///
    /// # Errors
    ///
    /// If it does not serialize, lacks one of these fields or serves no version.
    pub fn from_crd<T: Serialize + ?Sized>(crd: &T) -> Result<Self, InvalidCrd> {
        let crd = serde_json::to_value(crd).map_err(|error| InvalidCrd(error.to_string()))?;
        Self::from_crd_value(&crd)
    }

    pub(crate) fn from_crd_value(crd: &Value) -> Result<Self, InvalidCrd> {
        let text = |path: &str| {
            let text = crd.pointer(path).and_then(Value::as_str);
            let missing = || InvalidCrd(format!("{} is missing", path[1..].replace('/', ".")));
            text.map(str::to_owned).ok_or_else(missing)
        };
        let versions = crd["spec"]["versions"].as_array();
        let versions = versions.ok_or_else(|| InvalidCrd("spec.versions is missing".to_owned()))?;
        let served: Vec<&Value> = versions.iter().filter(|version| version["served"] == true).collect();
        // What is stored in a version that is not served is read in another one.
        let stored = served.iter().find(|version| version["storage"] == true);
        let stored = stored
            .or(served.first())
            .ok_or_else(|| InvalidCrd("it serves no version".to_owned()))?;
        let name = |version: &Value| {
            let name = version["name"].as_str().map(str::to_owned);
            name.ok_or_else(|| InvalidCrd("a version has no name".to_owned()))
        };
        let namespaced = match text("/spec/scope")?.as_str() {
            "Namespaced" => true,
            "Cluster" => false,
            other => return Err(InvalidCrd(format!("spec.scope is {other:?}"))),
        };
        let mut keyed_lists = KeyedList::of_metadata();
        KeyedList::of_schema(&stored["schema"]["openAPIV3Schema"], "", &mut keyed_lists);
        Ok(Self {
            group: text("/spec/group")?,
            version: name(stored)?,
            served: served.iter().copied().map(name).collect::<Result<_, _>>()?,
            kind: text("/spec/names/kind")?,
            plural: text("/spec/names/plural")?,
            namespaced,
            status_subresource: stored["subresources"]["status"].is_object(),
            generation: true,
            built_in: false,
            keyed_lists,
        })
    }
}
