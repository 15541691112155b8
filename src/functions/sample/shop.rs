//! The shop: its customers and what they do. Plain Rust, integers only.

use std::ops::RangeInclusive;

use super::catalogue::{CATEGORIES, CITIES, FIRST_NAMES, GIVEN_NAMES, LAST_NAMES, PRODUCTS, SURNAMES, TOGETHER};
use super::tastes::{CHANNELS, Group, PAYMENTS, ROLES, TASTES, Taste};
use crate::kernels::random::Random;

/// The sizes of a block; everything is generated block by block.
pub const CUSTOMERS: u64 = 100;
pub const ORDERS: u64 = 1_000;
pub const LINES: u64 = 2_500;
pub const EVENTS: u64 = 2_500;

const DAY: i64 = 86_400;
/// 2023-07-01 00:00:00, in seconds: when the shop opened.
const OPENED: i64 = 1_688_169_600;
/// 2025-07-01 00:00:00: the first second after the data.
const END: i64 = 1_751_328_000;

/// One registered customer.
pub struct Customer {
    pub id: i64,
    pub name: String,
    pub gender: Option<&'static str>,
    pub age: Option<i32>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub city: usize,
    pub registered_at: i64,
    pub channel: &'static str,
    pub customer_type: &'static str,
    pub job_role: Option<&'static str>,
    /// What the data do not show.
    pub truth: Truth,
}

/// Who a customer is.
pub struct Truth {
    /// The id of the same person's first registration.
    pub person: i64,
    pub gender: &'static str,
    /// Without spaces and signs.
    pub phone: String,
}

/// Ages outside this range are mistakes in the registration.
pub const AGES: RangeInclusive<i32> = 0..=120;

/// One order. Times are seconds since 1970, money is cents.
pub struct Order {
    pub id: i64,
    pub customer: Option<i64>,
    pub time: i64,
    pub status: &'static str,
    pub channel: &'static str,
    pub payment: &'static str,
    pub discount: i64,
    pub amount: i64,
    pub lines: Vec<Line>,
}

/// One line of an order.
pub struct Line {
    pub product: usize,
    pub quantity: i32,
    pub price: i64,
}

/// One thing a customer did.
pub struct Event {
    pub id: i64,
    pub customer: i64,
    pub session: i64,
    pub time: i64,
    pub event: &'static str,
    pub product: Option<usize>,
    pub channel: &'static str,
    pub seconds: Option<i32>,
}

/// What drives a customer; not part of the data.
struct Nature {
    taste: &'static Taste,
    /// First and last second of activity.
    active: (i64, i64),
    leaves: bool,
    weight: u64,
    abroad: bool,
    city: usize,
}

/// What a random number is used for; part of the path that it is derived from.
#[derive(Clone, Copy)]
enum Purpose {
    Nature = 1,
    Person = 2,
    Orders = 3,
    Events = 4,
}

/// A shop is fully determined by its seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shop {
    pub seed: u64,
}

impl Shop {
    fn random(self, purpose: Purpose, place: u64) -> Random {
        Random::new(self.seed, &[purpose as u64, place])
    }

    fn nature(self, index: u64) -> Nature {
        let mut random = self.random(Purpose::Nature, index);
        let weights = TASTES.each_ref().map(|taste| taste.weight);
        let taste = &TASTES[random.weighted(&weights)];
        let registered = OPENED + random.below(600) as i64 * DAY + random.below(DAY as u64) as i64;
        // One in four leaves: the last sign of life lies 91 to 400 days back, where the time since registration allows.
        let leaves = random.per_mille(250);
        let last = if leaves { END - random.between(91, 400) * DAY } else { END - random.below(45) as i64 * DAY };
        let size = random.between(1, 10) as u64;
        let cities = CITIES.each_ref().map(|city| city.4);
        let city = random.weighted(&cities);
        let active = (registered, last.clamp(registered + DAY, END - 1));
        Nature { taste, active, leaves, weight: taste.activity * size * size, abroad: CITIES[city].3 == "abroad", city }
    }

    /// The customers of a block.
    pub fn customers(self, block: u64) -> Vec<Customer> {
        (0..CUSTOMERS).map(|row| self.customer(block * CUSTOMERS + row)).collect()
    }

    fn customer(self, index: u64) -> Customer {
        let nature = self.nature(index);
        // One in forty is a second registration of the previous customer: the same person with another id and time.
        let is_double = index % 40 == 39;
        let person = if is_double { index - 1 } else { index };
        let mut random = self.random(Purpose::Person, person);
        let first = is_double.then(|| self.nature(person));
        let home = first.as_ref().unwrap_or(&nature);
        let taste = home.taste;
        let woman = random.below(100) < taste.women;
        let name = if home.abroad {
            format!("{} {}", random.pick(&FIRST_NAMES), random.pick(&LAST_NAMES))
        } else {
            format!("{}{}", random.pick(&SURNAMES), random.pick(&GIVEN_NAMES))
        };
        let age = match random.below(1000) {
            0..4 => Some(200),
            4..7 => Some(-1),
            7..60 => None,
            _ => Some(random.between(taste.ages.0, taste.ages.1) as i32),
        };
        let true_gender = if woman { "female" } else { "male" };
        let gender = if random.per_mille(80) { None } else { Some(true_gender) };
        let digits = 13_000_000_000 + random.below(999_999_999) as i64 * 7 % 999_999_999;
        let email_number = random.below(100_000);
        let has_email = random.per_mille(700);
        let job_role = (taste.group == Group::Business).then(|| *random.pick(&ROLES));
        // The second registration can have mistakes of its own.
        let mut own = self.random(Purpose::Person, index ^ (1 << 63));
        let phone = match own.below(20) {
            0 => None,
            1 | 2 if !home.abroad => {
                Some(format!("+86 {}-{}-{}", digits / 100_000_000, digits / 10_000 % 10_000, digits % 10_000))
            }
            _ if home.abroad => Some(format!("+65 {}", 80_000_000 + digits % 10_000_000)),
            _ => Some(digits.to_string()),
        };
        let phone = if is_double { phone.or_else(|| Some(digits.to_string())) } else { phone };
        let true_phone = if home.abroad { format!("+65{}", 80_000_000 + digits % 10_000_000) } else { format!("+86{digits}") };
        let first_channel = CHANNELS[own.weighted(&nature.taste.channels)];
        Customer {
            id: index as i64 + 1,
            name,
            gender,
            age,
            phone,
            email: has_email.then(|| format!("user{email_number}@example.com")),
            city: home.city,
            registered_at: nature.active.0,
            channel: first_channel,
            customer_type: if taste.group == Group::Business { "business" } else { "personal" },
            job_role,
            truth: Truth { person: person as i64 + 1, gender: true_gender, phone: true_phone },
        }
    }

    /// The orders of a block, with their lines: by customer, then by time.
    pub fn orders(self, block: u64) -> Vec<Order> {
        let mut random = self.random(Purpose::Orders, block);
        let natures: Vec<Nature> = (0..CUSTOMERS).map(|row| self.nature(block * CUSTOMERS + row)).collect();
        let counts = shares(ORDERS, &natures.iter().map(|nature| nature.weight).collect::<Vec<_>>());
        let sizes = basket_sizes(&mut random);
        let mut orders = Vec::with_capacity(ORDERS as usize);
        for (row, (nature, count)) in natures.iter().zip(counts).enumerate() {
            let (from, to) = nature.active;
            let mut times: Vec<i64> =
                (0..count).map(|_| at_hour(random.between(from, to), nature.taste.hour, &mut random)).collect();
            times.sort_unstable();
            for time in times {
                let number = orders.len() as u64;
                let customer = (block * CUSTOMERS) as i64 + row as i64 + 1;
                let size = sizes[orders.len()];
                orders.push(order(nature, (block * ORDERS + number) as i64 + 1, customer, time, size, &mut random));
            }
        }
        orders
    }

    /// The events of a block: by customer, session and time.
    pub fn events(self, block: u64) -> Vec<Event> {
        let mut random = self.random(Purpose::Events, block);
        let natures: Vec<Nature> = (0..CUSTOMERS).map(|row| self.nature(block * CUSTOMERS + row)).collect();
        let counts = shares(EVENTS, &natures.iter().map(|nature| nature.weight + 60).collect::<Vec<_>>());
        let mut events = Vec::with_capacity(EVENTS as usize);
        for (row, (nature, count)) in natures.iter().zip(counts).enumerate() {
            let customer = (block * CUSTOMERS) as i64 + row as i64 + 1;
            let end = events.len() + count as usize;
            while events.len() < end {
                let session = (block * EVENTS) as i64 + events.len() as i64 + 1;
                let channel = CHANNELS[random.weighted(&nature.taste.channels)];
                let (from, to) = nature.active;
                let mut time = at_hour(random.between(from, to), nature.taste.hour, &mut random);
                for (event, product) in visit(nature, &mut random) {
                    if events.len() == end {
                        break;
                    }
                    let seconds = (event == "view").then(|| match random.below(100) {
                        0..8 => random.between(300, 1_200) as i32,
                        _ => random.between(3, 240) as i32,
                    });
                    let id = (block * EVENTS) as i64 + events.len() as i64 + 1;
                    events.push(Event { id, customer, session, time: time.min(END - 1), event, product, channel, seconds });
                    time += i64::from(seconds.unwrap_or(15)) + random.between(1, 30);
                }
            }
        }
        events
    }
}

/// The funnel of one visit: perhaps a search, then views; fewer and fewer visits continue to cart, checkout and payment.
fn visit(nature: &Nature, random: &mut Random) -> Vec<(&'static str, Option<usize>)> {
    let mut steps = vec![];
    if random.per_mille(15) {
        return vec![("complaint", None)];
    }
    if random.per_mille(300) {
        steps.push(("search", None));
    }
    let mut product = choose(nature, random);
    for _ in 0..random.between(1, 5) {
        steps.push(("view", Some(product)));
        if random.per_mille(600) {
            product = choose(nature, random);
        }
    }
    for (event, share) in [("cart", 380), ("checkout", 620), ("pay", 800)] {
        if !random.per_mille(share) {
            break;
        }
        steps.push((event, Some(product)));
    }
    steps
}

fn order(nature: &Nature, id: i64, customer: i64, time: i64, size: usize, random: &mut Random) -> Order {
    let mut products: Vec<usize> = Vec::with_capacity(size);
    while products.len() < size {
        let product = choose(nature, random);
        add(&mut products, product, size);
        for (first, others, share) in TOGETHER {
            if first == product {
                for other in others {
                    if random.per_mille(share) {
                        add(&mut products, *other, size);
                    }
                }
            }
        }
    }
    let (from, to) = nature.active;
    // Those who will leave buy less and less: from the full price level down to two fifths of it.
    let level = if nature.leaves { 1000 - 600 * (time - from) / (to - from).max(1) } else { 1000 };
    let lines: Vec<Line> = products
        .into_iter()
        .map(|product| {
            let price = PRODUCTS[product].price * random.between(90, 110) / 100 * level.max(400) / 1000;
            let most = if nature.taste.group == Group::Business { 12 } else { 3 };
            Line { product, quantity: random.between(1, most) as i32, price: price.max(100) / 10 * 10 }
        })
        .collect();
    let total: i64 = lines.iter().map(|line| line.price * i64::from(line.quantity)).sum();
    let discount = if random.per_mille(nature.taste.bargains) { total * random.between(5, 30) / 100 } else { 0 };
    let status = match random.below(100) {
        0..92 => "paid",
        92..97 => "cancelled",
        _ => "refunded",
    };
    let channel = CHANNELS[random.weighted(&nature.taste.channels)];
    let payment = match channel {
        "store" => *random.pick(&PAYMENTS),
        _ if nature.abroad => "card",
        _ => PAYMENTS[random.below(2) as usize],
    };
    // Dirty data: guests without an account, and returns recorded as negative quantities.
    let customer = (!random.per_mille(5)).then_some(customer);
    let mut lines = lines;
    for line in &mut lines {
        if random.per_mille(3) {
            line.quantity = -line.quantity;
        }
    }
    Order { id, customer, time, status, channel, payment, discount, amount: total - discount, lines }
}

/// Adds a product once, while there is room.
fn add(products: &mut Vec<usize>, product: usize, size: usize) {
    if products.len() < size && !products.contains(&product) {
        products.push(product);
    }
}

fn choose(nature: &Nature, random: &mut Random) -> usize {
    let category = random.weighted(&nature.taste.categories);
    let (first, count) = OF_CATEGORIES[category];
    let one = |random: &mut Random| first + random.below(count).min(random.below(count)) as usize;
    let mut product = one(random);
    for _ in 1..nature.taste.draws {
        let other = one(random);
        if PRODUCTS[other].price > PRODUCTS[product].price {
            product = other;
        }
    }
    product
}

/// The first product of each category, and the number of its products, which stand together.
const OF_CATEGORIES: [(usize, u64); CATEGORIES.len()] = {
    let mut all = [(0, 0); CATEGORIES.len()];
    let mut product = PRODUCTS.len();
    while product > 0 {
        product -= 1;
        let category = &mut all[PRODUCTS[product].category];
        *category = (product, category.1 + 1);
    }
    all
};

/// The same day, around the hour the customer is used to.
fn at_hour(time: i64, hour: i64, random: &mut Random) -> i64 {
    let spread = random.between(-4, 4) + random.between(-3, 3);
    let day = time - time.rem_euclid(DAY);
    (day + (hour + spread).rem_euclid(24) * 3600 + random.between(0, 3599)).min(END - 1)
}

/// Divides `total` in proportion to the weights, exactly: remainders go to the first of the largest weights.
fn shares(total: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u64 = weights.iter().sum::<u64>().max(1);
    let mut counts: Vec<u64> = weights.iter().map(|weight| total * weight / sum).collect();
    let mut order: Vec<usize> = (0..weights.len()).collect();
    order.sort_by_key(|row| std::cmp::Reverse((total * weights[*row] % sum, *row)));
    let left = total - counts.iter().sum::<u64>();
    order.iter().take(left as usize).for_each(|row| counts[*row] += 1);
    counts
}

/// The number of lines of each order in a block: 1 to 8, [`LINES`] in total.
fn basket_sizes(random: &mut Random) -> Vec<usize> {
    let mut sizes: Vec<usize> = (0..ORDERS).map(|_| 1 + random.weighted(&[25, 30, 25, 12, 5, 3])).collect();
    let mut sum: usize = sizes.iter().sum();
    let mut row = 0;
    while sum != LINES as usize {
        let size = &mut sizes[row % ORDERS as usize];
        if sum < LINES as usize && *size < 8 {
            *size += 1;
            sum += 1;
        } else if sum > LINES as usize && *size > 1 {
            *size -= 1;
            sum -= 1;
        }
        row += 7;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_have_their_sizes_and_fit_together() {
        let shop = Shop { seed: 42 };
        for block in 0..5 {
            let orders = shop.orders(block);
            assert_eq!(orders.len() as u64, ORDERS);
            assert_eq!(orders.iter().map(|order| order.lines.len() as u64).sum::<u64>(), LINES);
            assert_eq!(shop.events(block).len() as u64, EVENTS);
            assert_eq!(shop.customers(block).len() as u64, CUSTOMERS);
            for order in &orders {
                let total: i64 = order.lines.iter().map(|line| line.price * i64::from(line.quantity.abs())).sum();
                assert_eq!(order.amount + order.discount, total);
                assert!(order.amount > 0 && (OPENED..END).contains(&order.time));
            }
        }
    }

    #[test]
    fn categories_are_contiguous_and_pairs_exist() {
        assert!(PRODUCTS.windows(2).all(|pair| pair[0].category <= pair[1].category));
        assert!(
            TOGETHER
                .iter()
                .all(|(first, others, _)| *first < PRODUCTS.len() && others.iter().all(|other| *other < PRODUCTS.len()))
        );
        // A basket can always be filled: every category that anyone likes has at least two products, and each taste has products for
        // eight lines.
        for taste in &TASTES {
            let choices = PRODUCTS.iter().filter(|product| taste.categories[product.category] > 0).count();
            assert!(choices >= 8);
        }
    }
}
