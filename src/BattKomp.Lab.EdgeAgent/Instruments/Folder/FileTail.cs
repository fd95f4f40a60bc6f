using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Importers.Rows;
using BattKomp.Lab.EdgeAgent.Instruments.MqttJson;
using BattKomp.Lab.EdgeAgent.Journal;
using BattKomp.Lab.EdgeAgent.Records;
using BattKomp.Lab.V1;

namespace BattKomp.Lab.EdgeAgent.Instruments.Folder;

/// <summary>What the tails of one channel share.</summary>
internal sealed record TailParts(string Channel, bool Simulated, FolderSettings Settings, DriverContext Context, DeadLetters DeadLetters)
{
    /// <summary>Told of every row that is journalled, with the columns of its file and the recorder that took it.</summary>
    public Action<ChannelRecorder, IReadOnlyList<string>, RecordRow>? OnRow { get; init; }
}

/// <summary>
/// Reads one growing file into its own streams, each record row once: by its number, and by a hash of all rows up to it, so that a file written anew with the
/// same rows goes on where it was and one with other rows begins a new source.
/// </summary>
internal sealed class FileTail(TailParts parts, FolderFile file, FolderHead head, string name, int generation) : IRowSink
{
    private const int ChunkBytes = 256 * 1024;
    private const int ProbeBytes = 4096;
    private const long WholeCheckBytes = 64L << 20;
    private const int MostLetters = 1000;
    private const int PatientLooks = 10;
    private const double EarliestUnix = 315532800;
    private const double LatestUnix = 7258118400;
    private readonly byte[] _chunk = new byte[ChunkBytes];
    private readonly List<uint> _hashes = [];
    private RowReader? _reader;
    private byte[] _first = [];
    private byte[] _last = [];
    private long _offset;
    private ulong _chain;
    private FolderFile? _done;
    private long _journalled;
    private long? _check;
    private long _noted;
    private int _letters;
    private int _shortLooks;
    private long _changedAt;
    private bool _apart;
    private bool _foreign;
    private ChannelRecorder? _recorder;
    private bool _opened;
    private bool _streamDated;
    private RowLayout? _layout;
    private int _unixAt;
    private Task _commit = Task.CompletedTask;
    private ChannelLease? _lease;

    /// <summary>The file now; a renamed one has another name than the source.</summary>
    public FolderFile File { get; private set; } = file;

    /// <summary>Mark of format and first row.</summary>
    public string Mark => head.Mark;

    /// <summary>The source as streams and journal name it.</summary>
    public string Identity { get; private set; } = IdentityOf(name, head.Mark, generation);

    /// <summary>Another file of the channel that has begun with the same rows; while this one adds none it is a copy.</summary>
    public FileTail? Twin { get; set; }

    /// <summary>True while the file has content that has not been looked at.</summary>
    public bool Behind { get; private set; } = true;

    /// <summary>Row numbers known, journalled or not.</summary>
    public int KnownRows => _hashes.Count;

    /// <summary>Why the file cannot be read, or null.</summary>
    public string? Problem { get; private set; }

    /// <summary>Run of the open stream; null = none is open.</summary>
    public string? OpenRun => _recorder is { IsOpen: true } open ? open.Run : null;

    /// <summary>Identity of the nth source of one name and mark.</summary>
    public static string IdentityOf(string name, string mark, int generation) => generation > 1 ? $"{name}#{mark}~{generation}" : $"{name}#{mark}";

    /// <summary>Goes on where the journal says.</summary>
    public void Resume(SourceTrack source) => (_journalled, _check, _noted) = (source.Row, source.Check, source.Row);

    /// <summary>The same content under another name, or seen again.</summary>
    public void MoveTo(FolderFile found)
    {
        if (found.Name != File.Name)
            _ = _recorder?.Event(StreamEvent.Types.Kind.Note, "file_renamed", $"{File.Name} is now {found.Name}");
        if (found.Name != File.Name || found.Created != File.Created)
            (_reader, _done) = (null, null);
        File = found;
        Behind |= _done is null || _done.Length != found.Length || _done.Written != found.Written;
    }

    /// <summary>Writes an event into the open stream, if one is.</summary>
    public void Event(StreamEvent.Types.Kind kind, string cause, string detail, long? fromNs = null, long? untilNs = null) =>
        _ = _recorder?.Event(kind, cause, detail, fromNs, untilNs);

    /// <summary>Closes the open stream; durable when the task completes.</summary>
    public Task CloseAsync(string reason) => _recorder?.CloseAsync(reason) ?? Task.CompletedTask;

    /// <summary>Reads the next piece and waits until it is durable. True when there is more at once.</summary>
    /// <exception cref="IOException">The file cannot be read, or a dead letter not kept, now.</exception>
    public async Task<bool> ReadAsync(ChannelLease? lease)
    {
        _lease = lease;
        var seen = File;
        var more = false;
        try
        {
            using var stream = seen.Open();
            if (_reader is null || !Continues(stream, seen))
                Begin();
            stream.Position = _offset;
            var read = stream.ReadAtLeast(_chunk, ChunkBytes, throwOnEndOfStream: false);
            Take(_chunk.AsSpan(0, read));
            if (_foreign)
            {
                (_reader, Behind) = (null, true);
                return false;
            }
            more = read == ChunkBytes || _reader is null;
        }
        catch
        {
            // What a reader had half taken is read again from the beginning; rows are known by their numbers.
            _reader = null;
            throw;
        }
        await _commit;
        Behind = more;
        if (!more)
            AtEnd(seen);
        return more || _reader is null;
    }

    /// <inheritdoc/>
    public void Row(in RowView row)
    {
        var held = IsHeld(row.Number, row.Raw);
        if (_changedAt > 0 || _foreign)
            return;
        var values = new double[row.Numbers.Length + 1];
        values[0] = row.Number;
        row.Numbers.CopyTo(values.AsSpan(1));
        if (row.Number == _journalled && _check is { } check && check != SourceTrack.CheckOf(values))
            _changedAt = row.Number;
        if (held || row.Number <= _journalled)
            return;
        var layout = _reader!.Layout!;
        if (!ReferenceEquals(layout, _layout))
            (_layout, _unixAt) = (layout, layout.Numbers.ToList().IndexOf("unix_time_second"));
        var stamp = _unixAt >= 0 ? StampOf(row.Numbers[_unixAt]) : null;
        Open(layout, stamp);
        string[] texts = layout.HasStepType ? [System.Text.Encoding.UTF8.GetString(row.StepType)] : [];
        _commit = _recorder!.Add(new RecordRow(_streamDated ? stamp ?? _recorder.LastStampNs : parts.Context.Clock.LabNowNs, values, texts));
        _journalled = row.Number;
        _check = null;
    }

    /// <inheritdoc/>
    public void Refused(long number, ReadOnlySpan<byte> line, ImportFailure why)
    {
        var held = IsHeld(number, line);
        if (_changedAt == 0 && !_foreign && number == _journalled && _check is not null)
            _changedAt = number;
        if (_changedAt > 0 || held || number <= Math.Max(_noted, _journalled))
            return;
        if (_letters < MostLetters)
        {
            parts.DeadLetters.Keep($"{File.Name}, row {number}", line, why.ToString());
            parts.Context.Log($"{parts.Channel}: row {number} went to {parts.DeadLetters.Folder}: {why}");
            Note("row_refused", $"row {number}: {why}{(_letters == MostLetters - 1 ? " (later ones of this file are not kept)" : "")}");
        }
        _letters++;
        _noted = number;
    }

    /// <inheritdoc/>
    public void Finding(ImportFailure finding)
    {
        if (_changedAt == 0 && !_foreign && _reader!.Rows >= _journalled)
            Note("contradiction", finding.ToString());
    }

    private static long? StampOf(double unix) => unix is >= EarliestUnix and <= LatestUnix ? (long)Math.Round(unix * 1e6) * 1000 : null;

    private void Begin()
    {
        _reader = head.Importer!.Open(File.Name, parts.Settings.Import);
        (_offset, _chain, _first, _last, _changedAt, _foreign) = (0, RowHash.Of(head.Importer.Format), [], [], 0, false);
    }

    // Appending leaves what was there: the first and the last bytes read tell, and the whole when nothing was added though the file was written.
    private bool Continues(FileStream stream, FolderFile seen)
    {
        if (stream.Length < _offset || (_done is { } done && (done.Created != seen.Created || (done.Written != seen.Written && done.Length == seen.Length && seen.Length <= WholeCheckBytes))))
            return false;
        return Same(stream, 0, _first) && Same(stream, _offset - _last.Length, _last);
    }

    private static bool Same(FileStream stream, long at, byte[] expected)
    {
        var found = new byte[expected.Length];
        stream.Position = at;
        return stream.ReadAtLeast(found, found.Length, throwOnEndOfStream: false) == found.Length && found.AsSpan().SequenceEqual(expected);
    }

    private void Take(ReadOnlySpan<byte> bytes)
    {
        _reader!.Feed(bytes, this);
        if (_changedAt > 0)
        {
            BeginAnew();
            return;
        }
        _offset += bytes.Length;
        if (_first.Length < ProbeBytes)
            _first = [.. _first, .. bytes[..Math.Min(bytes.Length, ProbeBytes - _first.Length)]];
        if (bytes.Length > 0)
            _last = bytes.Length >= ProbeBytes ? bytes[^ProbeBytes..].ToArray() : [.. _last.TakeLast(ProbeBytes - bytes.Length), .. bytes];
        Problem = _reader.Failure?.ToString();
    }

    // The rows are not those that were journalled: a new source from its first row, and the old stream says so.
    private void BeginAnew()
    {
        if (!_apart)
        {
            Note("file_rewritten", $"row {_changedAt} of {File.Name} is no longer what it was; the file is read anew from its first row");
            _ = _recorder?.CloseAsync("file_rewritten");
            Identity = IdentityOf(File.Name, Mark, NextGeneration());
            _opened = false;
        }
        _apart = false;
        (_journalled, _check, _noted, _letters, _shortLooks, _reader, _done) = (0, null, 0, 0, 0, null, null);
        _hashes.Clear();
    }

    private int NextGeneration()
    {
        var known = parts.Context.Journal.Query(s => s.Sources(parts.Channel).Select(t => t.Identity).ToHashSet());
        var next = 1;
        while (known.Contains(IdentityOf(File.Name, Mark, next)) || Identity == IdentityOf(File.Name, Mark, next))
            next++;
        return next;
    }

    // Compares a row with what is known of it. True while the rows are those of the twin, where they stand.
    private bool IsHeld(long number, ReadOnlySpan<byte> line)
    {
        if (_changedAt > 0)
            return false;
        _chain = RowHash.Next(_chain, line);
        // Another file has come under the name since the look: the next look says which.
        if (number == 1 && RowHash.Mark(_chain) != Mark)
            _foreign = true;
        if (_foreign)
            return true;
        if (number <= _hashes.Count && _hashes[(int)number - 1] != (uint)_chain)
            _changedAt = number;
        else if (number > _hashes.Count)
            _hashes.Add((uint)_chain);
        return _changedAt == 0 && number > _journalled && Twin is not null && !IsOwn(number);
    }

    private bool IsOwn(long number)
    {
        if (number <= Twin!._hashes.Count)
        {
            if (Twin._hashes[(int)number - 1] == (uint)_chain)
                return false;
            // Another measurement that merely begins alike: all its rows are its own.
            (_apart, _changedAt, Twin) = (true, number, null);
            return false;
        }
        var other = Twin;
        Twin = null;
        Note("rows_elsewhere", $"rows 1 to {number - 1} are those of {other.Identity} and stand there");
        return true;
    }

    private void AtEnd(FolderFile seen)
    {
        _done = seen;
        var rows = _reader!.Rows;
        if (rows >= Math.Max(_journalled, _hashes.Count))
        {
            _shortLooks = 0;
            return;
        }
        if (++_shortLooks == 1)
            Note("file_shortened", $"{File.Name} has {rows} of the {Math.Max(_journalled, _hashes.Count)} rows that were read from it");
        // Known rows that may come back are waited for. After a restart nothing shows that these are they: better twice than never.
        if (_hashes.Count >= _journalled || _shortLooks < PatientLooks)
        {
            // Looked at again even if nothing is written.
            Behind = _hashes.Count < _journalled;
            return;
        }
        _changedAt = rows + 1;
        BeginAnew();
        Behind = true;
    }

    private ChannelRecorder Recorder(string[] signals, string[] texts)
    {
        var recorder = new ChannelRecorder(parts.Context.Journal, parts.Context.Names, parts.Context.Clock,
            new RecordedChannel(parts.Channel, FolderChannel.Protocol, parts.Simulated, signals, texts));
        recorder.OnRow = row => parts.OnRow?.Invoke(recorder, signals, row);
        return recorder;
    }

    // A stream is anchored in the tester's clock by its first dated row; a note that comes before any row needs one in lab time.
    private void Open(RowLayout layout, long? stampNs)
    {
        _recorder ??= Recorder([JournalSignals.SourceRow, .. layout.Numbers], layout.HasStepType ? ["step_type"] : []);
        var run = _lease?.Part.Run ?? "";
        if (_recorder.IsOpen && _recorder.Run == run && (_streamDated || stampNs is null))
            return;
        _recorder.Open(_lease?.Held.Lease.Name ?? "", run, Identity, stampNs);
        _streamDated = stampNs is not null;
        if (!_opened && _journalled > 0)
            _ = _recorder.Event(StreamEvent.Types.Kind.Note, "continued", $"{File.Name} goes on after row {_journalled}");
        _opened = true;
    }

    private void Note(string cause, string detail)
    {
        if (_recorder is not { IsOpen: true } && _reader?.Layout is { } layout)
            Open(layout, null);
        _ = _recorder?.Event(StreamEvent.Types.Kind.Note, cause, detail);
    }
}
