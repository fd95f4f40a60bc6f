namespace BattKomp.Lab.Telemetry.Influx;

/// <summary>
/// The store's memory of one database: streams with their ledger, signal sets of the runs, field types, boots. Rebuilt from the database at start; this
/// process is then the only writer of the streams that its agents send (two servers share a database when each agent talks to one of them at a time).
/// </summary>
internal sealed class InfluxCatalogue
{
    private readonly Dictionary<StreamKey, StreamLedger> _streams = [];
    private readonly Dictionary<string, List<StreamLedger>> _byRun = new(StringComparer.Ordinal);
    private readonly HashSet<StreamLedger> _long = [];
    private readonly Dictionary<string, List<SignalSet>> _signals = new(StringComparer.Ordinal);

    /// <summary>Held while committed state is changed or copied.</summary>
    public Lock Lock { get; } = new();

    /// <summary>Ledger rows whose stream row is not there: their opening was written in a call that failed, and will come again.</summary>
    public Dictionary<string, List<LedgerRow>> WithoutOpening { get; } = new(StringComparer.Ordinal);

    /// <summary>True for fields of text, false for numbers; fields of the records' measurement.</summary>
    public Dictionary<string, bool> TextFields { get; } = new(StringComparer.Ordinal);

    /// <summary>Boots of each agent, oldest first, with their stamps.</summary>
    public Dictionary<string, List<(string Boot, long Stamp)>> Boots { get; } = new(StringComparer.Ordinal);

    /// <summary>Streams opened so far.</summary>
    public int StreamCount => _streams.Count;

    /// <summary>Larger than every stream's order.</summary>
    public long NextOrder { get; private set; }

    public StreamLedger? Find(StreamKey key)
    {
        lock (Lock) return _streams.GetValueOrDefault(key);
    }

    public void Add(StreamLedger stream)
    {
        lock (Lock)
        {
            _streams[stream.Key] = stream;
            NextOrder = Math.Max(NextOrder, stream.OpenedOrder + 1);
            if (stream.QuarantineReason is not null) return;
            if (!_byRun.TryGetValue(stream.Run, out var streams)) _byRun[stream.Run] = streams = [];
            streams.Add(stream);
        }
    }

    /// <summary>Takes back a stream whose opening could not be written.</summary>
    public void Remove(StreamLedger stream)
    {
        lock (Lock)
        {
            _streams.Remove(stream.Key);
            if (_byRun.TryGetValue(stream.Run, out var streams)) streams.Remove(stream);
        }
    }

    public List<StreamLedger> OfRun(string run)
    {
        lock (Lock) return [.. _byRun.GetValueOrDefault(run, [])];
    }

    public List<StreamState> States(Func<StreamLedger, bool> which)
    {
        lock (Lock) return [.. _streams.Values.Where(which).OrderBy(s => s.OpenedOrder).ThenBy(s => s.Id, StringComparer.Ordinal).Select(s => s.ToState())];
    }

    /// <summary>Streams whose ledger has more rows than that.</summary>
    public List<StreamLedger> LongLedgers(int rows)
    {
        lock (Lock)
        {
            var streams = _long.Where(s => s.LedgerRows > rows).ToList();
            _long.Clear();
            return streams;
        }
    }

    /// <summary>Adds a committed ledger row; called under <see cref="Lock"/>.</summary>
    public void Commit(StreamLedger stream, LedgerRow row, int longFrom)
    {
        stream.Commit(row);
        if (stream.LedgerRows > longFrom) _long.Add(stream);
    }

    public bool HasSignals(string run, SignalSet signals)
    {
        lock (Lock) return _signals.TryGetValue(run, out var sets) && sets.Contains(signals);
    }

    public void AddSignals(string run, SignalSet signals)
    {
        lock (Lock)
        {
            if (!_signals.TryGetValue(run, out var sets)) _signals[run] = sets = [];
            if (!sets.Contains(signals)) sets.Add(signals);
            foreach (var name in signals.Numeric) TextFields.TryAdd(InfluxNames.FieldOf(name), false);
            foreach (var name in signals.Text) TextFields.TryAdd(InfluxNames.FieldOf(name), true);
        }
    }

    /// <summary>The run's signals over all its sets; <paramref name="wanted"/> selects and orders, null = all.</summary>
    public SignalSet SignalsOf(string run, IReadOnlyList<string>? wanted)
    {
        lock (Lock)
        {
            var sets = _signals.GetValueOrDefault(run, []);
            var numeric = sets.SelectMany(s => s.Numeric).Distinct(StringComparer.Ordinal).ToList();
            var text = sets.SelectMany(s => s.Text).Distinct(StringComparer.Ordinal).ToList();
            return wanted is null ? new(numeric, text) : new([.. wanted.Where(numeric.Contains)], [.. wanted.Where(text.Contains)]);
        }
    }

    /// <summary>Why these signals cannot be fields here, or null; <paramref name="coming"/> are sets whose first rows are being written.</summary>
    public string? TypeConflict(SignalSet signals, IEnumerable<SignalSet> coming)
    {
        var sets = coming.ToList();
        lock (Lock)
        {
            foreach (var name in signals.Numeric)
                if (TextFields.GetValueOrDefault(InfluxNames.FieldOf(name), false) || sets.Exists(s => s.Text.Contains(name))) return Conflict(name, "a number", "text");
            foreach (var name in signals.Text)
                if (!TextFields.GetValueOrDefault(InfluxNames.FieldOf(name), true) || sets.Exists(s => s.Numeric.Contains(name))) return Conflict(name, "text", "a number");
        }

        return null;

        static string Conflict(string name, string here, string there) =>
            $"signal {name} is {here} in this batch, but the database holds it as {there} and can hold one kind only; give one of them another name";
    }
}
