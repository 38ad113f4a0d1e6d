//! Shapes, as SVG and as pixels.

use std::fmt;

/// Red, green and blue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Colour(pub(crate) u8, pub(crate) u8, pub(crate) u8);

impl fmt::Display for Colour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// With its upper left corner and the radius of its corners.
    Rectangle { x: f32, y: f32, width: f32, height: f32, radius: f32 },
    /// With its middle, and half of its width and height.
    Ellipse { x: f32, y: f32, width: f32, height: f32 },
    /// A line along a cubic Bézier curve.
    Curve { points: [(f32, f32); 4] },
}

/// How thick curves are.
const LINE: f32 = 3.5;

/// Pieces into which a curve is cut to see how near a point is.
const PIECES: u16 = 48;

impl Shape {
    pub(crate) fn svg(&self, colour: Colour) -> String {
        match *self {
            Self::Rectangle { x, y, width, height, radius } => {
                let radius = if radius > 0.0 { format!(" rx=\"{radius}\"") } else { String::new() };
                format!(
                    "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{radius} \
                     fill=\"{colour}\"/>"
                )
            }
            Self::Ellipse { x, y, width, height } => format!(
                "<ellipse cx=\"{x}\" cy=\"{y}\" rx=\"{width}\" ry=\"{height}\" fill=\"{colour}\"/>"
            ),
            Self::Curve { points: [a, b, c, d] } => format!(
                "<path d=\"M{} {}C{} {} {} {} {} {}\" fill=\"none\" stroke=\"{colour}\" \
                 stroke-width=\"{LINE}\" stroke-linecap=\"round\"/>",
                a.0, a.1, b.0, b.1, c.0, c.1, d.0, d.1
            ),
        }
    }

    /// The same shape, smaller or larger about a point on the diagonal. Lines keep their width.
    pub(crate) fn scaled(self, factor: f32, middle: f32) -> Self {
        let at = |v: f32| middle + (v - middle) * factor;
        match self {
            Self::Rectangle { x, y, width, height, radius } => Self::Rectangle {
                x: at(x),
                y: at(y),
                width: width * factor,
                height: height * factor,
                radius: radius * factor,
            },
            Self::Ellipse { x, y, width, height } => {
                Self::Ellipse { x: at(x), y: at(y), width: width * factor, height: height * factor }
            }
            Self::Curve { points } => Self::Curve { points: points.map(|(x, y)| (at(x), at(y))) },
        }
    }

    pub(crate) fn contains(&self, px: f32, py: f32) -> bool {
        match *self {
            Self::Rectangle { x, y, width, height, radius } => {
                // From the nearest point of the rectangle without its rounded rim.
                let dx = (x + radius - px).max(px - (x + width - radius)).max(0.0);
                let dy = (y + radius - py).max(py - (y + height - radius)).max(0.0);
                dx * dx + dy * dy <= radius * radius
            }
            Self::Ellipse { x, y, width, height } => {
                let (dx, dy) = ((px - x) / width, (py - y) / height);
                dx * dx + dy * dy <= 1.0
            }
            Self::Curve { points } => is_near(&points, px, py),
        }
    }
}

fn is_near(points: &[(f32, f32); 4], px: f32, py: f32) -> bool {
    // The curve stays between its points.
    let reach = LINE / 2.0;
    let outside = |v: f32, of: fn(&(f32, f32)) -> f32| {
        points.iter().all(|p| of(p) + reach < v) || points.iter().all(|p| of(p) - reach > v)
    };
    if outside(px, |p| p.0) || outside(py, |p| p.1) {
        return false;
    }
    let mut from = points[0];
    (1..=PIECES).any(|n| {
        let to = point(points, f32::from(n) / f32::from(PIECES));
        let near = distance_squared((px, py), from, to) <= reach * reach;
        from = to;
        near
    })
}

fn point(points: &[(f32, f32); 4], t: f32) -> (f32, f32) {
    let s = 1.0 - t;
    let weights = [s * s * s, 3.0 * s * s * t, 3.0 * s * t * t, t * t * t];
    points.iter().zip(weights).fold((0.0, 0.0), |(x, y), (p, w)| (x + p.0 * w, y + p.1 * w))
}

/// From a point to a piece of line.
fn distance_squared(p: (f32, f32), a: (f32, f32), b: (f32, f32)) -> f32 {
    let (along, to) = ((b.0 - a.0, b.1 - a.1), (p.0 - a.0, p.1 - a.1));
    let length = along.0 * along.0 + along.1 * along.1;
    let t = ((to.0 * along.0 + to.1 * along.1) / length.max(f32::EPSILON)).clamp(0.0, 1.0);
    let (dx, dy) = (to.0 - along.0 * t, to.1 - along.1 * t);
    dx * dx + dy * dy
}

/// Looks in each direction of a pixel; their square is how many shades an edge has.
const LOOKS: u16 = 4;

/// The shapes, each over those before it, as rows of pixels with four bytes each.
pub(crate) fn draw(shapes: &[(Shape, Colour)], side: f32, size: u32) -> Vec<u8> {
    let size = u16::try_from(size).unwrap_or(u16::MAX);
    let step = side / f32::from(size) / f32::from(LOOKS);
    let mut pixels = Vec::with_capacity(usize::from(size) * usize::from(size) * 4);
    for row in 0..size {
        for column in 0..size {
            pixels.extend(pixel(shapes, step, column * LOOKS, row * LOOKS));
        }
    }
    pixels
}

fn pixel(shapes: &[(Shape, Colour)], step: f32, column: u16, row: u16) -> [u8; 4] {
    let (mut sums, mut seen) = ([0_u32; 3], 0_u32);
    for look in 0..LOOKS * LOOKS {
        let x = (f32::from(column + look % LOOKS) + 0.5) * step;
        let y = (f32::from(row + look / LOOKS) + 0.5) * step;
        let top = shapes.iter().rev().find(|(shape, _)| shape.contains(x, y));
        if let Some((_, Colour(red, green, blue))) = top {
            for (sum, part) in sums.iter_mut().zip([red, green, blue]) {
                *sum += u32::from(*part);
            }
            seen += 1;
        }
    }
    let mean = |sum: u32| u8::try_from(sum / seen.max(1)).unwrap_or(u8::MAX);
    let opacity = u8::try_from(seen * 255 / u32::from(LOOKS * LOOKS)).unwrap_or(u8::MAX);
    [mean(sums[0]), mean(sums[1]), mean(sums[2]), opacity]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_shape_is_drawn_and_the_rest_is_not() {
        let shape = Shape::Rectangle { x: 0.0, y: 0.0, width: 2.0, height: 4.0, radius: 0.0 };
        let pixels = draw(&[(shape, Colour(1, 2, 3))], 4.0, 4);
        assert_eq!(pixels[..16], [1, 2, 3, 255, 1, 2, 3, 255, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_curve_is_as_thick_as_its_line() {
        let curve = Shape::Curve { points: [(0.0, 10.0), (5.0, 10.0), (9.0, 10.0), (20.0, 10.0)] };
        for (y, inside) in [(10.0, true), (11.7, true), (11.8, false), (8.3, true), (8.2, false)] {
            assert_eq!(curve.contains(10.0, y), inside, "{y}");
        }
        assert!(!curve.contains(22.0, 10.0));
    }
}
