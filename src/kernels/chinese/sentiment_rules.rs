//! Words that change the sentiment of other words.

/// True if a word negates what follows.
pub fn is_negation(word: &str) -> bool {
    const WORDS: [&str; 58] = [
        "不",
        "没",
        "没有",
        "无",
        "未",
        "别",
        "莫",
        "勿",
        "非",
        "并非",
        "并不",
        "并没",
        "并没有",
        "不是",
        "不会",
        "不能",
        "不够",
        "不太",
        "不算",
        "不怎么",
        "不大",
        "不再",
        "从不",
        "从未",
        "从没",
        "毫不",
        "毫无",
        "绝不",
        "绝非",
        "决不",
        "尚未",
        "未必",
        "难以",
        "缺乏",
        "没什么",
        "没啥",
        "谈不上",
        "称不上",
        "算不上",
        "说不上",
        "没觉得",
        "not",
        "no",
        "never",
        "none",
        "nobody",
        "nothing",
        "neither",
        "nor",
        "nowhere",
        "without",
        "cannot",
        "hardly",
        "rarely",
        "seldom",
        "barely",
        "scarcely",
        "lack",
    ];
    WORDS.contains(&word) || word.ends_with("n't") || word.ends_with("n’t")
}

/// How much a degree word adds to the weight of the next word, as a share.
pub fn degree(word: &str) -> Option<f64> {
    const DEGREES: [(f64, &[&str]); 4] = [
        (
            0.6,
            &[
                "极其",
                "极为",
                "极度",
                "万分",
                "绝对",
                "完全",
                "最",
                "最为",
                "无比",
                "超级",
                "超",
                "巨",
                "extremely",
                "absolutely",
                "completely",
                "totally",
                "utterly",
            ],
        ),
        (
            0.3,
            &[
                "非常",
                "特别",
                "十分",
                "太",
                "相当",
                "很",
                "挺",
                "真",
                "真的",
                "真是",
                "格外",
                "分外",
                "尤其",
                "更",
                "更加",
                "越来越",
                "蛮",
                "颇",
                "颇为",
                "实在",
                "老",
                "多么",
                "如此",
                "这么",
                "那么",
                "very",
                "really",
                "so",
                "too",
                "quite",
                "most",
                "more",
                "much",
                "highly",
                "deeply",
                "incredibly",
                "particularly",
                "especially",
                "such",
                "super",
            ],
        ),
        (-0.2, &["比较", "较", "较为", "还", "还算", "算是", "还是", "rather", "fairly", "pretty"]),
        (
            -0.4,
            &[
                "有点",
                "有点儿",
                "有些",
                "稍微",
                "稍",
                "略",
                "略微",
                "些许",
                "一点",
                "一点点",
                "不怎么太",
                "slightly",
                "somewhat",
                "little",
                "kinda",
                "sorta",
                "marginally",
                "partly",
            ],
        ),
    ];
    DEGREES.iter().find(|(_, words)| words.contains(&word)).map(|(more, _)| *more)
}

/// True if a word separates two clauses of which the second counts more.
pub fn is_but(word: &str) -> bool {
    matches!(word, "但" | "但是" | "可是" | "不过" | "然而" | "却" | "只是" | "but" | "however" | "yet")
}

/// True if negations and degree words do not reach beyond this token.
pub fn is_break(token: &str) -> bool {
    matches!(token, "," | "，" | "、" | ":" | "：" | "(" | ")" | "（" | "）" | "~" | "～" | "…" | "……" | "\n") || is_end(token)
}

/// True if a token ends a sentence.
pub fn is_end(token: &str) -> bool {
    matches!(token, "." | "。" | "!" | "！" | "?" | "？" | ";" | "；")
}
