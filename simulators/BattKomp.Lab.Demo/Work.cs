using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace BattKomp.Lab.Demo;

/// <summary>What both the scenario and the open house ask of the lab: procedures, cell tests, bookings.</summary>
internal sealed class Work(DemoLab lab, RestClient student)
{
    /// <summary>The procedure of a bench that the agent runs step by step.</summary>
    public async Task<string> ProcedureAsync(DemoBench bench, DemoOptions options, CancellationToken cancel)
    {
        var made = await student.PostAsync($"/v1/procedures?procedureId={bench.Rig}-program&requestId={Guid.NewGuid()}",
            new JsonObject { ["title"] = $"{bench.Test} on the {bench.Model}", ["program"] = new JsonObject { ["steps"] = bench.Steps!(options) } }, cancel);
        return made["name"]!.GetValue<string>();
    }

    /// <summary>Procedure, cell test and booking of a bench; returns the CLI's answer to the booking, and the cell test.</summary>
    public async Task<(int ExitCode, JsonNode Answer, string CellTest)> BookBenchAsync(DemoBench bench, DemoOptions options, DateTimeOffset start, TimeSpan length, CancellationToken cancel)
    {
        var procedure = bench.Steps is not null ? await ProcedureAsync(bench, options, cancel) : await VendorProcedureAsync(bench, options, cancel);
        var test = await CellTestAsync(bench.Test, bench.Cell, procedure, cancel);
        var (code, answer) = await BookAsync("doctoral-student", bench.Channel, start, length, test, procedure, bench.Test, cancel);
        return (code, answer, test);
    }

    /// <summary>An instrument that runs its vendor's own program, or only measures: known here by a file's name and hash.</summary>
    public async Task<string> VendorProcedureAsync(DemoBench bench, DemoOptions options, CancellationToken cancel)
    {
        var built = Encoding.UTF8.GetBytes($"{bench.Instrument}: CCCV charge, rest, discharge, rest, {options.Cycles} times");
        var (file, bytes) = options.Replay.Length > 0 ? (Path.GetFileName(options.Replay), await File.ReadAllBytesAsync(options.Replay, cancel)) : ("built-in", built);
        var vendor = new JsonObject { ["fileName"] = file, ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(bytes)) };
        var made = await student.PostAsync($"/v1/procedures?procedureId={bench.Rig}-program&requestId={Guid.NewGuid()}",
            new JsonObject { ["title"] = "The instrument's own program", ["program"] = new JsonObject { ["vendor"] = vendor } }, cancel);
        return made["name"]!.GetValue<string>();
    }

    /// <summary>A cell test of a test object under a procedure.</summary>
    public async Task<string> CellTestAsync(string title, string testObject, string procedure, CancellationToken cancel)
    {
        var made = await student.PostAsync("/v1/cellTests?requestId=" + Guid.NewGuid(),
            new JsonObject { ["title"] = title, ["testObject"] = testObject, ["procedure"] = procedure, ["continuation"] = "continue" }, cancel);
        return made["name"]!.GetValue<string>();
    }

    /// <summary>Books a channel through the CLI; returns the CLI's exit code and its JSON.</summary>
    public async Task<(int ExitCode, JsonNode Answer)> BookAsync(
        string persona, string channel, DateTimeOffset start, TimeSpan length, string cellTest, string procedure, string title, CancellationToken cancel)
    {
        List<string> args =
        [
            "book", "--json", "--channel", channel, "--start", start.UtcDateTime.ToString("O"), "--end", (start + length).UtcDateTime.ToString("O"),
            "--purpose", "research", "--activity", "research", "--level", "phd", "--headcount", "1", "--title", title,
        ];
        if (cellTest.Length > 0) args.AddRange(["--cell-test", cellTest]);
        if (procedure.Length > 0) args.AddRange(["--procedure", procedure]);
        var (code, output, error) = await lab.CliAsync(persona, cancel, [.. args]);
        if (output.Length == 0) throw new DemoException($"battlab book said nothing on stdout (exit {code}): {error}");
        return (code, JsonNode.Parse(output)!);
    }
}
