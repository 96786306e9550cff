//! The declaration of a section: one line a key, from which come the reader, the layering and the
//! schema.

/// Declares a mapping of the configuration: a struct of optional typed values. The text behind `=`
/// is the default in YAML; it appears in the schema, and a test holds it against
/// `Config::default()`.
macro_rules! section {
    ($(
        $(#[doc = $about:literal])+
        $name:ident {
            $( $(#[doc = $help:literal])+ $key:ident: $type:ty $(= $default:literal)?, )*
        }
    )*) => {$(
        $(#[doc = $about])+
        #[derive(Debug, Clone, Default)]
        pub(super) struct $name {
            $( $(#[doc = $help])+ pub(super) $key: Option<Typed<$type>>, )*
        }

        impl Value for $name {
            fn allowed() -> String {
                "a mapping".to_owned()
            }

            fn read(node: &Node, reading: &mut Reading) -> Option<Self> {
                let mut section = reading.section(node)?;
                let read = Self { $( $key: section.take(name_of(stringify!($key)), reading), )* };
                section.finish(reading, elsewhere);
                Some(read)
            }

            fn schema() -> serde_json::Value {
                object(
                    concat!($($about),+),
                    &[$( (
                        name_of(stringify!($key)),
                        concat!($($help),+),
                        <$type as Value>::schema(),
                        None::<&str>$(.or(Some($default)))?,
                    ), )*],
                )
            }

            fn overlay(&mut self, later: Self) {
                $( match (&mut self.$key, later.$key) {
                    (Some(typed), Some(later)) => {
                        typed.place = later.place;
                        typed.value.overlay(later.value);
                    }
                    (typed, Some(later)) => *typed = Some(later),
                    (_, None) => {}
                } )*
            }
        }
    )*};
}

pub(super) use section;
