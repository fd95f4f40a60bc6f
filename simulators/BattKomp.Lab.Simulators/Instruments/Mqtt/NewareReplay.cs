using System.Globalization;
using System.Text;

namespace BattKomp.Lab.Simulators.Instruments.Mqtt;

/// <summary>A recorded file cannot be replayed; the message names file, line, field and remedy.</summary>
public sealed class ReplayFileException(string message) : Exception(message);

/// <summary>
/// Replays a hierarchical Neware export: cycle rows, step rows (one empty cell first) and record rows (two). A simulator's
/// own small reader, apart from the lab's importer, so that the one can test the other. Values are exactly the file's.
/// </summary>
public sealed class NewareReplay : IRecordSource
{
    private const int CycleCells = 8;
    private readonly List<CyclerRecord> _records = [];
    private readonly string _file;
    private Dictionary<string, int> _columns = [];
    private int _cycle;
    private int _step;
    private int _stepId;
    private string _stepType = "";
    private int _line;

    private NewareReplay(string file) => _file = file;

    /// <summary>Number of rows.</summary>
    public int Count => _records.Count;

    /// <summary>Reads a file whole.</summary>
    /// <exception cref="ReplayFileException">When it is missing, not such an export, or cut off.</exception>
    public static NewareReplay Load(string file)
    {
        var replay = new NewareReplay(file);
        string[] lines;
        try
        {
            lines = File.ReadAllLines(file, Encoding.Latin1);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ReplayFileException($"{file}: cannot be read ({e.Message}); name a hierarchical Neware CSV export");
        }
        foreach (var line in lines) replay.Take(line);
        return replay.Count > 0 ? replay : throw replay.Wrong("the file", "holds no records", "export it again with record rows");
    }

    /// <inheritdoc/>
    public IEnumerable<CyclerRecord> Records() => _records;

    private void Take(string line)
    {
        _line++;
        if (line.Length == 0) return;
        var cells = line.Split(',');
        if (_line <= 3) Heading(cells);
        else if (cells[0].Length > 0) CycleRow(cells);
        else if (cells.Length > 1 && cells[1].Length > 0) StepRow(cells.AsSpan(1));
        else RecordRow(cells);
    }

    private void Heading(string[] cells)
    {
        var (at, expected) = _line switch { 1 => (0, "Cycle Index"), 2 => (1, "Step Index"), _ => (2, "DataPoint") };
        if (cells.Length <= at || cells[at] != expected)
            throw Wrong($"column {at + 1}", $"is not '{expected}'", "this is no hierarchical Neware export (cycle, step and record rows)");
        if (_line < 3) return;
        _columns = cells.Select((name, index) => (name, index)).Where(c => c.name.Length > 0)
            .GroupBy(c => c.name.Split('(')[0].Trim()).ToDictionary(g => g.Key, g => g.First().index);
        string[] needed = ["Total Time", "Current", "Voltage", "Capacity", "Energy"];
        foreach (var name in needed)
            if (!_columns.ContainsKey(name)) throw Wrong(name, "is missing", "export all record columns");
    }

    private void CycleRow(string[] cells)
    {
        _cycle = Whole(cells[0], "Cycle Index");
        // The first cycle row of an export carries its first step row at its end.
        if (cells.Length > CycleCells) StepRow(cells.AsSpan(CycleCells));
    }

    private void StepRow(ReadOnlySpan<string> cells)
    {
        if (cells.Length < 3) throw Wrong("Step Type", "is missing", "the file is cut off: export it again");
        _step++;
        _stepId = Whole(cells[0], "Step Index");
        _stepType = StepType(cells[2]);
    }

    private void RecordRow(string[] cells)
    {
        if (_step == 0) throw Wrong("the row", "comes before any step row", "export the whole test");
        _records.Add(new CyclerRecord(
            Seconds(Cell(cells, "Total Time")), Number(cells, "Voltage"), Number(cells, "Current"), _cycle, _step, _stepId,
            _stepType, Number(cells, "Capacity"), Number(cells, "Energy"),
            _columns.ContainsKey("T1") ? Number(cells, "T1") : double.NaN));
    }

    private string Cell(string[] cells, string name) => cells.Length == _columns.Count + 2
        ? cells[_columns[name]]
        : throw Wrong("the row", $"has {cells.Length} cells where {_columns.Count + 2} are named", "the file is cut off: export it again");

    private double Number(string[] cells, string name)
    {
        var text = Cell(cells, name);
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && double.IsFinite(value)
            ? value
            : throw Wrong(name, $"'{text}' is not a number", "correct the file or export it again");
    }

    private int Whole(string text, string name) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
        ? value
        : throw Wrong(name, $"'{text}' is not a whole number", "correct the file or export it again");

    // Hours run beyond 24.
    private double Seconds(string text)
    {
        var parts = text.Split(':');
        return parts.Length == 3 && int.TryParse(parts[0], out var hours) && int.TryParse(parts[1], out var minutes)
            && double.TryParse(parts[2], NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds)
            ? hours * 3600.0 + minutes * 60 + seconds
            : throw Wrong("Total Time", $"'{text}' is not hours:minutes:seconds", "export times as h:mm:ss");
    }

    // BDF's words for the vendor's; a type that BDF has no word for is passed on as the vendor wrote it.
    private static string StepType(string vendor) => vendor.Trim() switch
    {
        "Rest" => "REST",
        "CC Chg" => "CC_CHG",
        "CC DChg" => "CC_DCH",
        "CV Chg" => "CV_CHG",
        "CV DChg" => "CV_DCH",
        "CCCV Chg" => "CCCV_CHG",
        "CCCV DChg" => "CCCV_DCH",
        "CP Chg" => "CP_CHG",
        "CP DChg" => "CP_DCH",
        "CR DChg" => "CR_DCH",
        var other => other,
    };

    private ReplayFileException Wrong(string field, string what, string remedy) => new($"{_file}, line {_line}: {field} {what}; {remedy}");
}
