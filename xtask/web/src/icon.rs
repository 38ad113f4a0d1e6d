//! The icon: two tin cans and the string between them, which looks a little like a smile. One
//! description gives the SVG and every PNG.

use anyhow::Result;

use crate::png;
use crate::raster::{self, Colour, Shape};

/// The side of the square in which the shapes are described.
const SIDE: f32 = 64.0;

const BACKGROUND: Colour = Colour(0x0B, 0x66, 0x5D);
const CAN: Colour = Colour(0xF3, 0xEC, 0xDF);
const RIM: Colour = Colour(0xC9, 0xBF, 0xAC);
const LABEL: Colour = Colour(0xE8, 0xA8, 0x5C);
const STRING: Colour = Colour(0xF3, 0xEC, 0xDF);

/// Where the cans stand: their left edges.
const CANS: [f32; 2] = [11.5, 36.5];

fn picture() -> Vec<(Shape, Colour)> {
    let (left, right) = (CANS[0] + 8.0, CANS[1] + 8.0);
    let string =
        Shape::Curve { points: [(left, 34.0), (left, 57.0), (right, 57.0), (right, 34.0)] };
    let mut shapes = vec![(string, STRING)];
    for x in CANS {
        shapes.extend([
            (Shape::Rectangle { x, y: 14.0, width: 16.0, height: 21.5, radius: 2.5 }, CAN),
            (Shape::Rectangle { x, y: 21.0, width: 16.0, height: 8.5, radius: 0.0 }, LABEL),
            (Shape::Ellipse { x: x + 8.0, y: 14.5, width: 8.0, height: 2.75 }, RIM),
        ]);
    }
    shapes
}

/// The icon as a drawing.
pub(crate) fn svg() -> String {
    let ground = Shape::Rectangle { x: 0.0, y: 0.0, width: SIDE, height: SIDE, radius: 14.0 };
    let mut svg =
        format!("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {SIDE} {SIDE}\">");
    svg.push_str(&ground.svg(BACKGROUND));
    for (shape, colour) in picture() {
        svg.push_str(&shape.svg(colour));
    }
    svg.push_str("</svg>\n");
    svg
}

/// How a picture ends at its edges.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Edge {
    /// Rounded corners, transparent outside.
    Rounded,
    /// Filled to the edges with the drawing in the middle: the system cuts its own shape out,
    /// of which only a circle of four fifths of the width is certain to stay.
    Maskable,
}

/// The icon as a PNG of so many pixels.
pub(crate) fn png(size: u32, edge: Edge) -> Result<Vec<u8>> {
    let (radius, scale) = match edge {
        Edge::Rounded => (14.0, 1.0),
        Edge::Maskable => (0.0, 0.76),
    };
    let ground = Shape::Rectangle { x: 0.0, y: 0.0, width: SIDE, height: SIDE, radius };
    let mut shapes = vec![(ground, BACKGROUND)];
    let about = |shape: Shape| shape.scaled(scale, SIDE / 2.0);
    shapes.extend(picture().into_iter().map(|(shape, colour)| (about(shape), colour)));
    png::encode(size, &raster::draw(&shapes, SIDE, size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawing_and_picture_show_the_same_shapes() {
        let svg = svg();
        assert_eq!(svg.matches("<rect").count() + svg.matches("<ellipse").count(), 7);
        assert_eq!(svg.matches("<path").count(), 1);
        assert!(svg.len() < 1200, "{}", svg.len());
    }

    #[test]
    fn a_maskable_picture_keeps_to_the_safe_circle() {
        for (shape, _) in picture() {
            let shape = shape.scaled(0.76, SIDE / 2.0);
            for at in 0..360 {
                let angle = (at as f32).to_radians();
                let radius = SIDE * 0.4;
                let (x, y) = (SIDE / 2.0 + radius * angle.cos(), SIDE / 2.0 + radius * angle.sin());
                assert!(!shape.contains(x, y), "{shape:?} at {x} {y}");
            }
        }
    }
}
