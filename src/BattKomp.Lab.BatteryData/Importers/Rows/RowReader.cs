using System.Text;
using System.Text.Unicode;

namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>
/// Reads one file of one format as its bytes arrive. How the bytes are cut changes nothing: rows, numbers, findings and notes
/// are those of one full import. Never throws on any bytes.
/// </summary>
public abstract class RowReader
{
    private readonly LineSplitter _lines = new();
    private readonly LineTaker _take;
    private IRowSink _sink = null!;
    private bool _latin1;
    private byte[] _transcoded = [];

    private protected RowReader(string format, string file, ImportOptions options)
    {
        (Format, File, Options) = (format, file, options);
        Zone = FindZone(options.TimeZone, file);
        _take = TakeLine;
    }

    /// <summary>Format name.</summary>
    public string Format { get; }

    /// <summary>What rows hold; null until the header has come.</summary>
    public RowLayout? Layout { get; private protected set; }

    /// <summary>Why the file's header cannot be used; then no row is given.</summary>
    public ImportFailure? Failure { get; private set; }

    /// <summary>Record rows so far, refused ones included.</summary>
    public long Rows { get; private protected set; }

    /// <summary>Lines so far.</summary>
    public long Lines { get; private set; }

    /// <summary>Bytes of the last line, which has no end yet.</summary>
    public int Unfinished => _lines.Rest.Length;

    private protected string File { get; }

    private protected ImportOptions Options { get; }

    private protected TimeZoneInfo Zone { get; }

    private protected List<SourceNote> Notes { get; } = [];

    private protected IRowSink Sink => _sink;

    /// <summary>Takes the next bytes of the file and gives the rows that they complete.</summary>
    public void Feed(ReadOnlySpan<byte> bytes, IRowSink sink)
    {
        _sink = sink;
        if (Failure is null) _lines.Feed(bytes, _take);
    }

    /// <summary>What the file declares and what was assumed, as far as it has been read.</summary>
    public abstract SourceDescription Describe();

    /// <summary>The file is over: judges what only its end can show. A last line without an end is a finding, for a number cut in half looks whole.</summary>
    public void Complete(IRowSink sink)
    {
        _sink = sink;
        if (Failure is not null) return;
        if (Layout is null)
            Fail(new ImportFailure(_lines.Rest.IsEmpty && Lines == 0 ? ImportFailureCode.Empty : ImportFailureCode.Truncated, File, Lines, null, null, "the file ends before its column headers do.", "The file was cut; export it again."));
        else if (!_lines.Rest.IsEmpty && !Options.AllowIncomplete)
            sink.Finding(new ImportFailure(ImportFailureCode.Truncated, File, Lines + 1, null, null, "the last line has no line end, so it may be cut.", "Copy or export the file again, or declare that the test is still running."));
        else if (!_lines.Rest.IsEmpty)
            Notes.Add(new SourceNote("last_line_dropped", null, $"Line {Lines + 1} has no line end yet; it is left out."));
        End();
    }

    /// <summary>One line as UTF-8.</summary>
    private protected abstract void Line(ReadOnlySpan<byte> line);

    /// <summary>Called at the end of the file.</summary>
    private protected virtual void End()
    {
    }

    /// <summary>Whether a line that cannot be taken at all would have been a record row.</summary>
    private protected virtual bool IsRecord => Layout is not null;

    private protected void Fail(ImportFailure failure) => Failure ??= failure;

    private protected void Refuse(ReadOnlySpan<byte> line, ImportFailure why) => _sink.Refused(Rows, line, why);

    private protected void NoteOnce(string code, string? field, string message)
    {
        if (Notes.All(n => n.Code != code || n.Field != field)) Notes.Add(new SourceNote(code, field, message));
    }

    private void TakeLine(ReadOnlySpan<byte> line, bool overlong)
    {
        Lines++;
        if (Failure is not null) return;
        if (Lines == 1 && line.StartsWith("\uFEFF"u8)) line = line[3..];
        if (line.Trim((byte)' ').IsEmpty) return;
        if (overlong || line.Contains((byte)0))
        {
            Unreadable(line, overlong);
            return;
        }

        if (!Utf8.IsValid(line)) line = Transcode(line);
        Line(line);
    }

    private void Unreadable(ReadOnlySpan<byte> line, bool overlong)
    {
        var why = new ImportFailure(
            overlong ? ImportFailureCode.UnknownFormat : ImportFailureCode.Binary, File, Lines, null, null,
            overlong ? "the line is longer than 1 MiB." : "the line holds a NUL byte, so this is not text.", "Export the data as text again.");
        if (!IsRecord)
        {
            Fail(why);
            return;
        }

        Rows++;
        Refuse(line, why);
    }

    // What is no UTF-8 is an old code page; latin-1 has a character for every byte, so nothing is lost.
    private ReadOnlySpan<byte> Transcode(ReadOnlySpan<byte> line)
    {
        if (_transcoded.Length < line.Length * 2) _transcoded = new byte[line.Length * 2];
        var length = 0;
        foreach (var b in line)
        {
            if (b >= 0x80) _transcoded[length++] = (byte)(0xC0 | (b >> 6));
            _transcoded[length++] = b < 0x80 ? b : (byte)(0x80 | (b & 0x3F));
        }

        if (!_latin1) Notes.Add(new SourceNote("encoding_latin1", null, $"Line {Lines} is not UTF-8; such lines are read as latin-1."));
        _latin1 = true;
        return _transcoded.AsSpan(0, length);
    }

    private static TimeZoneInfo FindZone(string? id, string file)
    {
        if (id is null) return TimeZoneInfo.Utc;
        if (TimeZoneInfo.TryFindSystemTimeZoneById(id, out var zone)) return zone;
        throw new BatteryDataException(new ImportFailure(
            ImportFailureCode.BadOption, file, null, null, "time zone", $"\"{id}\" is no time zone that this machine knows.", "Use an IANA name such as Europe/Oslo."));
    }

    private protected static string Text(ReadOnlySpan<byte> utf8) => Encoding.UTF8.GetString(utf8);
}
