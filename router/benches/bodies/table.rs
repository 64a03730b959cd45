//! Routes and their lookup.

use std::hint::black_box;

use ilp_proto::Addr;
use ilp_router::RoutingTable;

use super::Random;

/// One lookup in a table of `routes`, at random: the text of the address is at hand, as it is in a packet that was just
/// read, but where it leads is not.
pub(crate) fn lookup(routes: usize) -> impl FnMut() {
    let mut table = RoutingTable::new(0x5eed);
    for route in 0..routes {
        let prefix = format!("test.hub.r{route}").parse().unwrap();
        table.insert(prefix, route as u32, 0);
    }
    let mut random = Random(1);
    // never freed: the addresses borrow from it, and the process ends with its benches
    let mut text = String::new();
    let ends: Vec<_> = (0..routes.clamp(4_096, 1 << 20))
        .map(|_| {
            text += &format!("test.hub.r{}.checkout.f3a9b2", random.below(routes));
            text.len()
        })
        .collect();
    let text: &'static str = text.leak();
    let mut start = 0;
    let mut addresses = Vec::new();
    for end in ends {
        addresses.push(Addr::new(&text[start..end]).unwrap());
        start = end;
    }
    let mut at = 0;
    move || {
        let found = table.lookup(black_box(addresses[at]), |_| true);
        assert!(black_box(found).is_some());
        at += 1;
        if at == addresses.len() {
            at = 0;
        }
    }
}
