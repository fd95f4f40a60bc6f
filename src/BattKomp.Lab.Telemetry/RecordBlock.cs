namespace BattKomp.Lab.Telemetry;

/// <summary>
/// Consecutive records in columns: record k has sequence first_seq + k. Immutable after construction; it is shared between
/// the store and live readers, so nobody writes into its arrays.
/// </summary>
public sealed class RecordBlock
{
    /// <summary>Nanoseconds on the agent's monotonic clock since the stream's anchor (lab scale).</summary>
    public required long[] MonotonicNs { get; init; }

    /// <summary>Record stamps, ns since 1970-01-01 UTC, strictly increasing.</summary>
    public required long[] UtcNs { get; init; }

    /// <summary>Quality codes (0 good, 1 suspect, 2 stale, 3 clamped); empty = all good.</summary>
    public byte[] Quality { get; init; } = [];

    /// <summary>The ordered signal names that decide the record table.</summary>
    public required SignalSet Signals { get; init; }

    /// <summary>One array a numeric signal, in the order of <see cref="SignalSet.Numeric"/>; NaN = no value.</summary>
    public required double[][] Values { get; init; }

    /// <summary>One column a text signal, in the order of <see cref="SignalSet.Text"/>.</summary>
    public TextValues[] Texts { get; init; } = [];

    /// <summary>How many records.</summary>
    public int Count => UtcNs.Length;

    /// <summary>The records from <paramref name="start"/>, <paramref name="count"/> of them, as a block of its own.</summary>
    public RecordBlock Slice(int start, int count) => new()
    {
        MonotonicNs = MonotonicNs.AsSpan(start, count).ToArray(),
        UtcNs = UtcNs.AsSpan(start, count).ToArray(),
        Quality = Quality.Length == 0 ? [] : Quality.AsSpan(start, count).ToArray(),
        Signals = Signals,
        Values = [.. Values.Select(v => v.AsSpan(start, count).ToArray())],
        Texts = [.. Texts.Select(t => new TextValues(t.Dictionary, t.Indexes.AsSpan(start, count).ToArray()))],
    };
}

/// <summary>A text signal: value k is <c>Dictionary[Indexes[k]]</c>.</summary>
public sealed record TextValues(string[] Dictionary, uint[] Indexes)
{
    /// <summary>The text of record <paramref name="k"/>.</summary>
    public string this[int k] => Dictionary[Indexes[k]];
}

/// <summary>An ordered set of signal names, numeric and text; equal sets share one record table.</summary>
public sealed class SignalSet : IEquatable<SignalSet>
{
    private readonly string _identity;

    /// <summary>Creates the set; the names must already be valid (see <see cref="RecordRules"/>).</summary>
    public SignalSet(IReadOnlyList<string> numeric, IReadOnlyList<string> text)
    {
        Numeric = numeric;
        Text = text;
        _identity = string.Join(',', numeric) + '|' + string.Join(',', text);
        Problem = RecordRules.CheckNames(this);
    }

    /// <summary>Null when every name can be a column, else why not.</summary>
    public string? Problem { get; }

    /// <summary>Names of the numeric signals in order.</summary>
    public IReadOnlyList<string> Numeric { get; }

    /// <summary>Names of the text signals in order.</summary>
    public IReadOnlyList<string> Text { get; }

    /// <summary>"a,b|c": numeric names, a bar, text names.</summary>
    public string Identity => _identity;

    /// <inheritdoc/>
    public bool Equals(SignalSet? other) => other is not null && _identity == other._identity;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as SignalSet);

    /// <inheritdoc/>
    public override int GetHashCode() => _identity.GetHashCode(StringComparison.Ordinal);
}
