package dev.casemate.substitutions;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What takes the place of {@code String.format} in an image.
 *
 * <p>The JDK's own reaches half of java.base: it can print dates, so it needs calendars, time zones, locales, resource bundles and
 * regular expressions. And it cannot be avoided, for a check of an array's bounds makes its message with it. It costs every image 5.4 MB
 * on disk, 2 MB of memory and 0.1 ms at start; this one some kilobytes.
 *
 * <p>Understands, as {@code java.util.Formatter} does in the root locale, {@code %[index$ or <][flags][width][.precision]conversion} with
 * the conversions {@code b c d f h n o s x %} and, except of {@code d f n o %}, their capital forms. The others (dates, {@code e g a})
 * throw {@link UnsupportedOperationException}; so does {@link java.util.Formattable}. {@code BigInteger} and {@code BigDecimal}
 * are for {@code %s} only. Mistakes throw {@link IllegalArgumentException}.
 */
final class SmallFormatter {
    private final String format;
    private final Object[] arguments;
    private final StringBuilder out = new StringBuilder();
    private int position;
    private int nextOrdinary;
    private int last = -1;

    private SmallFormatter(String format, Object[] arguments) {
        this.format = format;
        this.arguments = arguments;
    }

    static String format(String format, Object... arguments) {
        return new SmallFormatter(format, arguments == null ? new Object[1] : arguments).run();
    }

    private String run() {
        while (position < format.length()) {
            char c = format.charAt(position++);
            if (c == '%') {
                conversion();
            } else {
                out.append(c);
            }
        }
        return out.toString();
    }

    /** One conversion's parts; width and precision are -1 if not given. */
    private record Specification(String flags, int width, int precision, char conversion) {
        boolean has(char flag) {
            return flags.indexOf(flag) >= 0;
        }
    }

    private void conversion() {
        int start = position;
        int index = -1;
        int number = number();
        if (number >= 0 && peek() == '$') {
            position++;
            index = number - 1;
        } else {
            position = start;
        }
        int flagsStart = position;
        while ("-#+ 0,(<".indexOf(peek()) >= 0) {
            position++;
        }
        String flags = format.substring(flagsStart, position);
        int width = number();
        int precision = -1;
        if (peek() == '.') {
            position++;
            precision = number();
            if (precision < 0) {
                throw bad("a precision is missing", start);
            }
        }
        char conversion = peek();
        position++;
        Specification specification = new Specification(flags, width, precision, conversion);
        switch (conversion) {
            case 'n' -> out.append('\n');
            case '%' -> pad("%", specification);
            default -> pad(text(specification, argument(specification, index, start), start), specification);
        }
    }

    private Object argument(Specification specification, int index, int start) {
        if (specification.has('<')) {
            if (last < 0) {
                throw bad("nothing comes before", start);
            }
        } else {
            last = index >= 0 ? index : nextOrdinary++;
        }
        if (last >= arguments.length) {
            throw bad("there is no argument " + (last + 1), start);
        }
        return arguments[last];
    }

    private String text(Specification s, Object value, int start) {
        char conversion = s.conversion;
        if ("BCHSX".indexOf(conversion) >= 0) {
            Specification lower = new Specification(s.flags, s.width, s.precision, (char) (conversion + 32));
            return text(lower, value, start).toUpperCase(java.util.Locale.ROOT);
        }
        return switch (conversion) {
            case 's' -> cut(string(value), s);
            case 'b' -> cut(value instanceof Boolean b ? b.toString() : String.valueOf(value != null), s);
            case 'h' -> cut(value == null ? "null" : Integer.toHexString(value.hashCode()), s);
            case 'c' -> value == null ? "null" : character(value, start);
            case 'd' -> value == null ? "null" : decimal(integer(value, start), s);
            case 'x', 'o' -> value == null ? "null" : unsigned(value, s, start);
            case 'f' -> value == null ? cut("null", s) : fixed(value, s, start);
            default -> throw bad("conversion '" + conversion + "' is not in this executable, see SmallFormatter", start);
        };
    }

    private static String string(Object value) {
        if (value instanceof java.util.Formattable) {
            throw new UnsupportedOperationException("Formattable is not in this executable, see SmallFormatter");
        }
        return String.valueOf(value);
    }

    private static String cut(String text, Specification s) {
        return s.precision >= 0 && s.precision < text.length() ? text.substring(0, s.precision) : text;
    }

    private String character(Object value, int start) {
        return switch (value) {
            case Character c -> c.toString();
            case Byte b -> Character.toString(b);
            case Short b -> Character.toString(b);
            case Integer codePoint -> Character.toString(codePoint);
            default -> throw mismatch(value, start);
        };
    }

    private long integer(Object value, int start) {
        return switch (value) {
            case Byte n -> n;
            case Short n -> n;
            case Integer n -> n;
            case Long n -> n;
            default -> throw mismatch(value, start);
        };
    }

    private static String decimal(long value, Specification s) {
        String digits = value < 0 ? Long.toString(value).substring(1) : Long.toString(value);
        return sign(value < 0, s.has(',') ? grouped(digits) : digits, s);
    }

    /** Negative numbers in two's complement of their own width. */
    private String unsigned(Object value, Specification s, int start) {
        long mask = switch (value) {
            case Byte ignored -> 0xffL;
            case Short ignored -> 0xffffL;
            case Integer ignored -> 0xffff_ffffL;
            default -> -1L;
        };
        long bits = integer(value, start) & mask;
        boolean hexadecimal = s.conversion == 'x';
        String prefix = !s.has('#') ? "" : hexadecimal ? "0x" : "0";
        String digits = hexadecimal ? Long.toHexString(bits) : Long.toOctalString(bits);
        return zeros(prefix + digits, prefix.length(), s, 0);
    }

    private String fixed(Object value, Specification s, int start) {
        double number = switch (value) {
            case Double n -> n;
            case Float n -> n;
            default -> throw mismatch(value, start);
        };
        boolean negative = Double.doubleToRawLongBits(number) < 0;
        if (Double.isNaN(number)) {
            return "NaN";
        }
        if (Double.isInfinite(number)) {
            return sign(negative, "Infinity", new Specification(s.flags.replace("0", ""), s.width, s.precision, 'f'));
        }
        String text = rounded(Double.toString(Math.abs(number)), s.precision < 0 ? 6 : s.precision);
        if (s.has(',')) {
            int point = text.indexOf('.');
            text = point < 0 ? grouped(text) : grouped(text.substring(0, point)) + text.substring(point);
        }
        return sign(negative, text, s);
    }

    /** Rounds a number in the notation of {@code Double.toString} half up, as the JDK does, to so many places. */
    private static String rounded(String number, int places) {
        int exponentAt = number.indexOf('E');
        int exponent = exponentAt < 0 ? 0 : Integer.parseInt(number, exponentAt + 1, number.length(), 10);
        String mantissa = exponentAt < 0 ? number : number.substring(0, exponentAt);
        int point = mantissa.indexOf('.') + exponent;
        StringBuilder digits = new StringBuilder(mantissa).deleteCharAt(mantissa.indexOf('.'));
        /* The point stands before digits[point]; one more zero in front takes a carry. */
        while (point < 0) {
            digits.insert(0, '0');
            point++;
        }
        digits.insert(0, '0');
        point++;
        while (digits.length() <= point + places) {
            digits.append('0');
        }
        boolean up = digits.charAt(point + places) >= '5';
        digits.setLength(point + places);
        for (int i = digits.length() - 1; up; i--) {
            up = digits.charAt(i) == '9';
            digits.setCharAt(i, up ? '0' : (char) (digits.charAt(i) + 1));
        }
        int start = 0;
        while (start < point - 1 && digits.charAt(start) == '0') {
            start++;
        }
        return places == 0 ? digits.substring(start) : digits.substring(start, point) + "." + digits.substring(point);
    }

    private static String sign(boolean negative, String digits, Specification s) {
        if (negative) {
            return s.has('(') ? "(" + zeros(digits, 0, s, 2) + ")" : "-" + zeros(digits, 0, s, 1);
        }
        String sign = s.has('+') ? "+" : s.has(' ') ? " " : "";
        return sign + zeros(digits, 0, s, sign.length());
    }

    private static String zeros(String digits, int at, Specification s, int others) {
        int missing = s.has('0') ? s.width - digits.length() - others : 0;
        return missing <= 0 ? digits : digits.substring(0, at) + "0".repeat(missing) + digits.substring(at);
    }

    private static String grouped(String digits) {
        List<String> groups = new ArrayList<>();
        for (int end = digits.length(); end > 0; end -= 3) {
            groups.addFirst(digits.substring(Math.max(0, end - 3), end));
        }
        return String.join(",", groups);
    }

    private void pad(String text, Specification s) {
        String blanks = " ".repeat(Math.max(0, s.width - text.length()));
        out.append(s.has('-') ? text + blanks : blanks + text);
    }

    private int number() {
        int start = position;
        while (peek() >= '0' && peek() <= '9' && (position > start || peek() != '0')) {
            position++;
        }
        if (position == start && peek() == '0' && position > 0 && format.charAt(position - 1) == '.') {
            position++;
        }
        return position == start ? -1 : Integer.parseInt(format, start, position, 10);
    }

    /** The character at the current position, or 0 at the end. */
    private char peek() {
        return position < format.length() ? format.charAt(position) : 0;
    }

    private RuntimeException mismatch(Object value, int start) {
        return bad("a " + value.getClass().getName() + " does not fit", start);
    }

    private RuntimeException bad(String what, int start) {
        String message = "format \"" + format + "\" at " + (start - 1) + ": " + what + " (arguments: " + Arrays.toString(arguments) + ")";
        return what.startsWith("conversion") ? new UnsupportedOperationException(message) : new IllegalArgumentException(message);
    }
}
