//! Which CRM organization a provider serves, and which of them is this one.

use super::{Options, RouterOrganization, UnnamedOrganization, kinds::host};
use crate::{leaf::Leaf, model::RouterData, names::Name};
use indexmap::IndexMap;
use std::collections::HashMap;

/// The organizations of the files, and where each spelling of a URL belongs.
pub(super) struct Organizations {
    pub(super) list: Vec<RouterOrganization>,
    pub(super) unconfirmed: bool,
    /// Index in `list` by spelling.
    by_url: HashMap<Option<Name>, usize>,
}

impl Organizations {
    pub(super) fn of(&self, url: Option<Name>) -> Option<&RouterOrganization> {
        self.by_url.get(&url).and_then(|index| self.list.get(*index))
    }
}

pub(super) fn find(data: &RouterData, options: &Options) -> Organizations {
    let mut by_key: IndexMap<(String, String), u32> = IndexMap::new();
    let mut by_url = HashMap::new();
    for provider in data.routers.iter().flat_map(|router| &router.agent.providers) {
        let url = provider.value(Leaf::CrmUrl);
        let index = match by_url.get(&url) {
            Some(index) => *index,
            None => {
                let key = data.text(url).map_or_else(Default::default, key_and_name);
                let entry = by_key.entry(key);
                let index = entry.index();
                entry.or_insert(0);
                by_url.insert(url, index);
                index
            }
        };
        if let Some((_, count)) = by_key.get_index_mut(index) {
            *count += 1;
        }
    }
    let named = || by_key.iter().filter(|((key, _), _)| !key.is_empty());
    let most = named().rev().max_by_key(|(_, count)| **count).map(|((key, _), _)| key.clone());
    let chosen = options.organization.clone().map(|chosen| chosen.to_lowercase());
    let unconfirmed = chosen.is_none() && named().count() > 1;
    let this = chosen.or(most);
    let list = by_key.iter().map(|((key, name), count)| {
        let taken = if key.is_empty() {
            options.unnamed == UnnamedOrganization::TreatAsThis
        } else {
            this.as_ref().is_some_and(|this| this == key || this == name)
        };
        RouterOrganization { key: key.clone(), name: name.clone(), providers: *count, taken }
    });
    Organizations { list: list.collect(), unconfirmed, by_url }
}

/// Compares URLs without scheme, case, trailing slash, default port and the services' folders (the reference's section 8, item
/// 12); the organization is the last segment of the path, or the first label of the host.
fn key_and_name(url: &str) -> (String, String) {
    let lower = url.trim().to_lowercase();
    let rest = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
    let (place, path) = rest.split_once('/').unwrap_or((rest, ""));
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    if let Some(at) =
        segments.iter().position(|one| one.starts_with("mscrmservices") || one.starts_with("xrmservices"))
    {
        segments.truncate(at);
    }
    let place = place.strip_suffix(":443").or_else(|| place.strip_suffix(":80")).unwrap_or(place);
    let host = host(place);
    let name =
        segments.last().map_or_else(|| host.split('.').next().unwrap_or_default(), |last| *last).to_owned();
    let mut key = place.trim_end_matches('.').to_owned();
    for segment in segments {
        key.push('/');
        key.push_str(segment);
    }
    (key, name)
}

#[cfg(test)]
mod tests {
    use super::key_and_name;

    #[test]
    fn spellings_of_one_organization_are_the_same() {
        let expected = ("crm.contoso.com/contoso".to_owned(), "contoso".to_owned());
        for url in [
            "https://crm.contoso.com/Contoso",
            "HTTP://CRM.contoso.com:80/Contoso/",
            "https://crm.contoso.com:443/Contoso/XRMServices/2011/Organization.svc",
            "crm.contoso.com/Contoso/MSCRMServices/2007/CrmService.asmx",
        ] {
            assert_eq!(key_and_name(url), expected, "{url}");
        }
        assert_eq!(key_and_name("https://contoso.crm4.dynamics.com").1, "contoso");
        assert_ne!(key_and_name("https://crm:5555/a").0, key_and_name("https://crm/a").0);
    }
}
