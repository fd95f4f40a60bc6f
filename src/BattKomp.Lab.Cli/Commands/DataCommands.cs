using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using BattKomp.Lab.BatteryData;
using BattKomp.Lab.BatteryData.Importers;
using BattKomp.Lab.Cli.Output;
using Spectre.Console;

namespace BattKomp.Lab.Cli.Commands;

/// <summary>data cycles | convert: cycler files on this machine; no server is asked.</summary>
internal static class DataCommands
{
    private static readonly string[] Written = [".bdf.csv", ".bdf.parquet"];

    public static Command Create(Globals globals) => new("data", "Cycler files on this machine; needs no server.") { Cycles(globals), Convert(globals) };

    private static Command Cycles(Globals globals)
    {
        var file = new Argument<string>("file") { Description = "a cycler's export, BDF CSV or BDF Parquet; known by its content" };
        var read = new ReadOptions();
        var command = new Command("cycles", "Charge, energy and coulombic efficiency of every cycle.") { file };
        read.AddTo(command);
        globals.Run(command, session =>
        {
            var rows = Guarded(session.Get(file), path => CycleTable.Compute(BatteryFiles.Read(path, read.Of(session))));
            if (session.Report.Json) session.Report.Out.WriteLine(CycleTable.ToJson(rows));
            else Text(session.Report, rows);
            return Task.CompletedTask;
        });
        return command;
    }

    private static Command Convert(Globals globals)
    {
        var file = new Argument<string>("file") { Description = "a cycler's export, BDF CSV or BDF Parquet; known by its content" };
        var output = new Option<string>("--output", "-o") { Description = "name ending in .bdf.csv or .bdf.parquet", Required = true };
        var read = new ReadOptions();
        var command = new Command("convert", "Write the records as BDF, by the name's ending.") { file, output };
        read.AddTo(command);
        globals.Run(command, session =>
        {
            var target = session.Get(output)!;
            if (!Written.Any(w => target.EndsWith(w, StringComparison.OrdinalIgnoreCase)))
                throw CliException.Invalid("FIELDS_INVALID", $"'{target}' does not say which format to write.", $"End the name in {string.Join(" or ", Written)}.");
            var table = Guarded(session.Get(file), path => BatteryFiles.Read(path, read.Of(session)));
            if (Path.GetDirectoryName(Path.GetFullPath(target)) is { } folder) Directory.CreateDirectory(folder);
            BatteryFiles.Write(table, target);
            session.Report.Answer(w => Converted(w, table, target), () =>
                session.Report.Line($"{target}: {Words.Count(table.Count, "record")}, {Words.Count(table.Columns.Count, "column")}, {Words.Bytes(new FileInfo(target).Length)}"));
            return Task.CompletedTask;
        });
        return command;
    }

    private static void Converted(Utf8JsonWriter w, RecordTable table, string target)
    {
        w.WriteStartObject();
        w.WriteString("file", target);
        w.WriteNumber("records", table.Count);
        w.WriteNumber("bytes", new FileInfo(target).Length);
        w.WriteStartArray("columns");
        foreach (var column in table.Columns) w.WriteStringValue(column.Name);
        w.WriteEndArray();
        w.WriteEndObject();
    }

    /// <summary>A file's refusal keeps its place (line, column, field) for machines too.</summary>
    private static T Guarded<T>(string path, Func<string, T> use)
    {
        try
        {
            return use(path);
        }
        catch (BatteryDataException e)
        {
            var f = e.Failure;
            var metadata = new Dictionary<string, string> { ["code"] = f.Code.ToString(), ["file"] = f.File };
            if (f.Line is { } line) metadata["line"] = line.ToString(CultureInfo.InvariantCulture);
            if (f.Column is { } column) metadata["column"] = column.ToString(CultureInfo.InvariantCulture);
            if (f.Field is { } field) metadata["field"] = field;
            var place = (f with { Message = "", Remedy = "" }).ToString().TrimEnd(' ', ':');
            throw new CliException(new Failure(ExitCodeOf(f.Code), "FILE_INVALID", $"{place}: {f.Message}") { Remedy = f.Remedy, Metadata = metadata }, e);
        }
    }

    /// <summary>2: no file of a known kind is there to be read. 1: it is one, and its content breaks that kind's rules.</summary>
    private static int ExitCodeOf(ImportFailureCode code) => code
        is ImportFailureCode.NotFound or ImportFailureCode.Unreadable or ImportFailureCode.Empty or ImportFailureCode.Binary or ImportFailureCode.UnknownFormat
        ? ExitCodes.Unreachable
        : ExitCodes.Refused;

    private static void Text(Report report, IReadOnlyList<CycleRow> rows)
    {
        report.Line($"{Words.Count(rows.Count, "cycle")}. Charge and discharge in Ah and Wh; CE is discharge over charge; differ = counter against own integral.");
        var table = new Table().Border(TableBorder.Simple).Collapse();
        foreach (var header in (string[])["Cycle", "Ch. Ah", "Dis. Ah", "Ch. Wh", "Dis. Wh", "CE", "Source", "Differ"])
            table.AddColumn(new TableColumn(header).NoWrap().RightAligned().Padding(0, 1));
        foreach (var r in rows)
            table.AddRow(r.CycleCount.ToString(CultureInfo.InvariantCulture), Words.Number(r.ChargingCapacityAh), Words.Number(r.DischargingCapacityAh),
                Optional(r.ChargingEnergyWh), Optional(r.DischargingEnergyWh), Percent(r.CoulombicEfficiency, "0.00"), r.Source,
                Percent(r.Agreement, "0.000") + (r.Flag == AgreementFlag.Disagrees ? " !" : ""));
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(report.Out) });
        console.Profile.Width = 80;
        console.Write(table);
        if (rows.Any(r => r.Flag == AgreementFlag.Disagrees)) report.Line("! = the two differ by more than they should: look before using the figure.");
    }

    private static string Optional(double? value) => Words.Number(value ?? double.NaN);

    private static string Percent(double? fraction, string format) => fraction is { } f ? (f * 100).ToString(format, CultureInfo.InvariantCulture) + " %" : "–";

    private sealed class ReadOptions
    {
        private readonly Option<string?> _zone = new("--time-zone") { Description = "IANA zone of the file's local times, e.g. Europe/Oslo (default UTC)" };
        private readonly Option<bool> _incomplete = new("--allow-incomplete") { Description = "accept an export whose last step is not finished" };

        public void AddTo(Command command)
        {
            command.Add(_zone);
            command.Add(_incomplete);
        }

        public ImportOptions Of(Session session) => new() { TimeZone = session.Get(_zone), AllowIncomplete = session.Get(_incomplete) };
    }
}
