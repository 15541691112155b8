//! The products of the shop, the cities of its customers, and their names.

/// A product: its id is its index in [`PRODUCTS`] plus one.
pub struct Product {
    pub name: &'static str,
    pub category: usize,
    /// Price in cents.
    pub price: i64,
}

pub const CATEGORIES: [&str; 9] =
    ["mother and baby", "electronics", "beauty", "food", "home", "clothing", "sports", "books", "office"];

const fn product(name: &'static str, category: usize, price: i64) -> Product {
    Product { name, category, price }
}

pub const PRODUCTS: [Product; 66] = [
    product("纸尿裤", 0, 9_900),
    product("婴儿湿巾", 0, 2_490),
    product("婴幼儿奶粉", 0, 29_800),
    product("奶瓶", 0, 6_900),
    product("婴儿推车", 0, 89_900),
    product("儿童绘本", 0, 4_500),
    product("宝宝辅食", 0, 3_280),
    product("儿童保温杯", 0, 8_800),
    product("智能手机", 1, 329_900),
    product("手机壳", 1, 3_900),
    product("钢化膜", 1, 1_990),
    product("无线耳机", 1, 49_900),
    product("笔记本电脑", 1, 549_900),
    product("无线鼠标", 1, 7_900),
    product("机械键盘", 1, 29_900),
    product("充电宝", 1, 9_900),
    product("智能手表", 1, 89_900),
    product("洗发水", 2, 5_990),
    product("护发素", 2, 5_490),
    product("面膜", 2, 7_900),
    product("爽肤水", 2, 12_900),
    product("口红", 2, 21_900),
    product("防晒霜", 2, 9_800),
    product("香水", 2, 58_000),
    product("洗面奶", 2, 6_900),
    product("咖啡豆", 3, 8_800),
    product("咖啡滤纸", 3, 1_590),
    product("燕麦片", 3, 2_990),
    product("牛奶", 3, 5_900),
    product("坚果礼盒", 3, 12_800),
    product("方便面", 3, 1_290),
    product("绿茶", 3, 16_800),
    product("牛肉干", 3, 4_990),
    product("巧克力", 3, 3_990),
    product("床上四件套", 4, 29_900),
    product("记忆枕", 4, 15_900),
    product("毛巾", 4, 2_990),
    product("空气炸锅", 4, 39_900),
    product("扫地机器人", 4, 199_900),
    product("香薰蜡烛", 4, 6_900),
    product("收纳箱", 4, 4_990),
    product("台灯", 4, 12_900),
    product("T恤", 5, 7_900),
    product("牛仔裤", 5, 19_900),
    product("连衣裙", 5, 25_900),
    product("羊毛大衣", 5, 99_900),
    product("羽绒服", 5, 59_900),
    product("袜子", 5, 1_990),
    product("帆布包", 5, 9_900),
    product("跑步鞋", 6, 49_900),
    product("运动袜", 6, 2_490),
    product("瑜伽垫", 6, 8_900),
    product("运动水壶", 6, 4_900),
    product("羽毛球拍", 6, 25_900),
    product("哑铃", 6, 15_900),
    product("自行车头盔", 6, 19_900),
    product("小说", 7, 3_900),
    product("SQL 入门", 7, 7_900),
    product("儿童百科", 7, 6_800),
    product("菜谱", 7, 4_200),
    product("英语词典", 7, 8_800),
    product("打印纸", 8, 11_900),
    product("硒鼓", 8, 18_900),
    product("签字笔", 8, 1_990),
    product("文件夹", 8, 2_590),
    product("投影仪", 8, 259_900),
];

/// Products bought together: a basket with the first product gets each of the others in this many of 1,000 cases.
pub const TOGETHER: [(usize, &[usize], u64); 10] = [
    (0, &[1], 620),
    (2, &[3], 540),
    (8, &[9, 10], 650),
    (12, &[13], 580),
    (17, &[18], 600),
    (19, &[20], 450),
    (25, &[26], 660),
    (49, &[50], 560),
    (61, &[62], 520),
    (5, &[58], 350),
];

/// City, province or country, tier, weight.
pub const CITIES: [(&str, &str, &str, &str, u32); 20] = [
    ("上海", "上海", "China", "tier 1", 12),
    ("北京", "北京", "China", "tier 1", 11),
    ("广州", "广东", "China", "tier 1", 8),
    ("深圳", "广东", "China", "tier 1", 9),
    ("杭州", "浙江", "China", "new tier 1", 7),
    ("成都", "四川", "China", "new tier 1", 7),
    ("武汉", "湖北", "China", "new tier 1", 5),
    ("南京", "江苏", "China", "new tier 1", 5),
    ("西安", "陕西", "China", "new tier 1", 4),
    ("青岛", "山东", "China", "tier 2", 4),
    ("厦门", "福建", "China", "tier 2", 3),
    ("昆明", "云南", "China", "tier 2", 3),
    ("洛阳", "河南", "China", "tier 3", 3),
    ("绵阳", "四川", "China", "tier 3", 3),
    ("遵义", "贵州", "China", "tier 3", 2),
    ("Singapore", "Singapore", "Singapore", "abroad", 3),
    ("London", "England", "United Kingdom", "abroad", 3),
    ("New York", "New York", "United States", "abroad", 3),
    ("Tokyo", "Tokyo", "Japan", "abroad", 2),
    ("Sydney", "New South Wales", "Australia", "abroad", 2),
];

pub const SURNAMES: [&str; 16] =
    ["王", "李", "张", "刘", "陈", "杨", "赵", "黄", "周", "吴", "徐", "孙", "胡", "朱", "高", "欧阳"];
pub const GIVEN_NAMES: [&str; 20] = [
    "伟", "芳", "娜", "敏", "静", "丽", "强", "磊", "军", "洋", "勇", "艳", "杰", "娟", "涛", "明", "超", "秀英", "子涵", "雨桐",
];
pub const FIRST_NAMES: [&str; 12] =
    ["Emma", "Oliver", "Mia", "Liam", "Sophie", "Noah", "Hana", "Kenji", "Grace", "Lucas", "Chloe", "Ryan"];
pub const LAST_NAMES: [&str; 10] = ["Smith", "Tan", "Jones", "Garcia", "Sato", "Brown", "Lee", "Wilson", "Martin", "O'Neill"];
