package de.bwaldvogel.mongo.backend;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A key of an index, in place of the library's own, which cannot be compared: H2 then serialises both keys at every
 * comparison, and a look-up costs a third of a millisecond.
 */
public final class KeyValue implements Serializable, Iterable<Object>, Comparable<KeyValue> {
    private static final long serialVersionUID = 1L;
    private final ArrayList<Object> values;

    public KeyValue(Object... values) { this(Arrays.asList(values)); }

    public KeyValue(Collection<?> values) { this.values = new ArrayList<>(values); }

    public int size() { return values.size(); }

    public Object get(int index) { return values.get(index); }

    @Override public Iterator<Object> iterator() { return values.iterator(); }

    public Stream<Object> stream() { return values.stream(); }

    public KeyValue normalized() {
        List<Object> normal = values.stream().map(Utils::normalizeValue).collect(Collectors.toList());
        return new KeyValue(normal);
    }

    @Override public int compareTo(KeyValue other) {
        for (int i = 0; i < Math.min(size(), other.size()); i++) {
            int order = compare(get(i), other.get(i));
            if (order != 0) return order;
        }
        return Integer.compare(size(), other.size());
    }

    private static int compare(Object one, Object other) {
        if (one instanceof String && other instanceof String) return ((String) one).compareTo((String) other);
        return ValueComparator.ascWithoutListHandling().compare(one, other);
    }

    @Override public boolean equals(Object other) { return other instanceof KeyValue && values.equals(((KeyValue) other).values); }

    @Override public int hashCode() { return values.hashCode(); }

    @Override public String toString() {
        return values.stream().map(String::valueOf).collect(Collectors.joining(", ", "{ ", " }"));
    }
}
