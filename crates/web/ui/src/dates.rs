//! Dates and times as the browser's own language writes them.

use js_sys::{Array, Date, Function, Intl, Object, Reflect};
use wasm_bindgen::JsValue;

use crate::days::{Moment, day_of};
use crate::letters::capitalized;
use tincan_engine::MessageView;

/// The last moment that JavaScript knows.
const LAST_DATE_MS: u64 = 8_640_000_000_000_000;

struct Formats {
    time: Function,
    day: Function,
    day_of_year: Function,
    full: Function,
    relative: Intl::RelativeTimeFormat,
}

thread_local! {
    static FORMATS: Formats = Formats {
        time: format(&[("timeStyle", "short")]),
        day: format(&[("weekday", "long"), ("day", "numeric"), ("month", "long")]),
        day_of_year: format(&[("dateStyle", "long")]),
        full: format(&[("dateStyle", "full"), ("timeStyle", "medium")]),
        relative: Intl::RelativeTimeFormat::new(&Array::new(), &options(&[("numeric", "auto")])),
    };
}

fn options(pairs: &[(&str, &str)]) -> Object {
    let options = Object::new();
    for (name, value) in pairs {
        // Setting a property of a plain object can't fail.
        drop(Reflect::set(&options, &JsValue::from_str(name), &JsValue::from_str(value)));
    }
    options
}

fn format(pairs: &[(&str, &str)]) -> Function {
    Intl::DateTimeFormat::new(&Array::new(), &options(pairs)).format()
}

fn js_ms(ms: u64) -> f64 {
    ms.min(LAST_DATE_MS) as f64
}

fn told(format: &Function, ms: u64) -> String {
    let told = format.call1(&JsValue::UNDEFINED, &JsValue::from_f64(js_ms(ms)));
    told.ok().and_then(|text| text.as_string()).unwrap_or_default()
}

/// Now, in milliseconds since the epoch.
pub(crate) fn now_ms() -> u64 {
    Date::now() as u64
}

/// Such as 14:05.
pub(crate) fn time(ms: u64) -> String {
    FORMATS.with(|formats| told(&formats.time, ms))
}

/// Day, date and time to the second.
pub(crate) fn full(ms: u64) -> String {
    FORMATS.with(|formats| told(&formats.full, ms))
}

/// Which calendar day it was here.
pub(crate) fn day(ms: u64) -> i64 {
    let offset = Date::new(&JsValue::from_f64(js_ms(ms))).get_timezone_offset();
    day_of(ms.min(LAST_DATE_MS), offset as i32)
}

/// Today, Yesterday, or the date; without the year if it is this one.
pub(crate) fn day_name(ms: u64) -> String {
    let days_ago = day(now_ms()) - day(ms);
    FORMATS.with(|formats| match days_ago {
        0 | 1 => capitalized(&String::from(formats.relative.format(-(days_ago as f64), "day"))),
        2..300 => told(&formats.day, ms),
        _ => told(&formats.day_of_year, ms),
    })
}

/// The time if it was today, else the day: for lists.
pub(crate) fn brief(ms: u64) -> String {
    match day(now_ms()) - day(ms) {
        0 => time(ms),
        1 => day_name(ms),
        _ => {
            let date = Date::new(&JsValue::from_f64(js_ms(ms)));
            String::from(date.to_locale_date_string("default", &JsValue::UNDEFINED))
        }
    }
}

/// What grouping looks at.
pub(crate) fn moment(message: &MessageView) -> Moment {
    let timestamp = message.timestamp;
    Moment { outgoing: message.outgoing, timestamp, day: day(timestamp) }
}
