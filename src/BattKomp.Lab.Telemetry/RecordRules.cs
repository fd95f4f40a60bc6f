using System.Text.RegularExpressions;

namespace BattKomp.Lab.Telemetry;

/// <summary>What makes a batch of records acceptable; the first broken rule is returned as the sentence that goes to quarantine.</summary>
public static partial class RecordRules
{
    /// <summary>Most records in one entry.</summary>
    public const int MaxRecords = 100_000;

    /// <summary>Most signals (numeric and text together) in one entry.</summary>
    public const int MaxSignals = 256;

    /// <summary>Most characters of one text value.</summary>
    public const int MaxTextLength = 4096;

    /// <summary>Null when the block hangs together, else why not, naming the field.</summary>
    public static string? Check(long firstSeq, RecordBlock block)
    {
        var n = block.Count;
        if (firstSeq < 1) return $"first_seq is {firstSeq}; records start at 1, after the stream's opening";
        if (n == 0) return "utc_ns is empty; a batch holds at least one record";
        if (n > MaxRecords) return $"utc_ns holds {n} records; at most {MaxRecords} fit in one entry";
        if (firstSeq > long.MaxValue - n) return $"first_seq {firstSeq} runs over the end of the sequence";
        if (block.MonotonicNs.Length != n) return $"monotonic_ns holds {block.MonotonicNs.Length} values, utc_ns {n}";
        if (block.Quality.Length != 0 && block.Quality.Length != n) return $"quality holds {block.Quality.Length} values, utc_ns {n}";
        if (block.Quality.AsSpan().ContainsAnyExceptInRange((byte)0, (byte)3)) return "quality holds a code that is not one of GOOD, SUSPECT, STALE, CLAMPED";
        return block.Signals.Problem ?? CheckStamps(block.UtcNs) ?? CheckValues(block, n) ?? CheckTexts(block, n);
    }

    /// <summary>True when <paramref name="name"/> can be a column: a-z, 0-9 and underscore, 1 to 63 long, not starting with an underscore.</summary>
    public static bool IsSignalName(string name) => SignalName().IsMatch(name);

    internal static string? CheckNames(SignalSet signals)
    {
        var total = signals.Numeric.Count + signals.Text.Count;
        if (total > MaxSignals) return $"{total} signals; at most {MaxSignals} fit in one entry";
        var seen = new HashSet<string>(total, StringComparer.Ordinal);
        foreach (var name in signals.Numeric.Concat(signals.Text))
        {
            if (!IsSignalName(name)) return "a signal name is not 1 to 63 of a-z, 0-9 and underscore (first not an underscore)";
            if (!seen.Add(name)) return $"signal {name} occurs twice";
        }

        return null;
    }

    private static string? CheckStamps(long[] utc)
    {
        for (var k = 1; k < utc.Length; k++)
            if (utc[k] <= utc[k - 1]) return $"utc_ns[{k}] is not after utc_ns[{k - 1}]";
        return null;
    }

    private static string? CheckValues(RecordBlock block, int n)
    {
        for (var c = 0; c < block.Values.Length; c++)
        {
            var values = block.Values[c];
            if (values.Length != n) return $"signal {block.Signals.Numeric[c]} holds {values.Length} values, utc_ns {n}";
            foreach (var value in values)
                if (double.IsInfinity(value)) return $"signal {block.Signals.Numeric[c]} holds an infinite value";
        }

        return null;
    }

    private static string? CheckTexts(RecordBlock block, int n)
    {
        for (var c = 0; c < block.Texts.Length; c++)
        {
            var (dictionary, indexes) = block.Texts[c];
            var name = block.Signals.Text[c];
            if (indexes.Length != n) return $"signal {name} holds {indexes.Length} values, utc_ns {n}";
            foreach (var index in indexes)
                if (index >= dictionary.Length) return $"signal {name} points outside its dictionary of {dictionary.Length}";
            foreach (var text in dictionary)
                if (text.Length > MaxTextLength || text.Contains('\0')) return $"signal {name} holds a text longer than {MaxTextLength} or with a NUL in it";
        }

        return null;
    }

    [GeneratedRegex("^[a-z0-9][a-z0-9_]{0,62}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex SignalName();
}
