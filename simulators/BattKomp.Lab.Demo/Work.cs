using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace BattKomp.Lab.Demo;

/// <summary>What both the scenario and the open house ask of the lab: procedures, cell tests, bookings.</summary>
internal sealed class Work(DemoLab lab, RestClient student)
{
    /// <summary>A discharge, a rest, a charge, a rest, over and over: device-side limits on every step.</summary>
    public async Task<string> EbcProcedureAsync(double speed, CancellationToken cancel)
    {
        // About a minute of machine time at any speed, so that there is something under way to look at, to kill and to stop.
        var repeat = Math.Clamp(60 * speed / 9_000, 4, 900);
        var program = new JsonObject
        {
            ["steps"] = new JsonArray(
                Step("CC_DISCHARGE", ("ampere", 2.5), ("volt", 3.0), ("maxSeconds", 7200)), Step("REST", ("maxSeconds", 600)),
                Step("CCCV_CHARGE", ("ampere", 2.5), ("volt", 4.2), ("cutoffAmpere", 0.13), ("maxSeconds", 10_800)), Step("REST", ("maxSeconds", 600)),
                Step("LOOP", ("gotoStep", 1), ("repeat", Math.Floor(repeat)))),
        };
        var made = await student.PostAsync("/v1/procedures?procedureId=ebc-cycling&requestId=" + Guid.NewGuid(),
            new JsonObject { ["title"] = "1C cycling on the EBC-A20", ["program"] = program }, cancel);
        return made["name"]!.GetValue<string>();
    }

    /// <summary>The cycler runs its vendor's own program: known here by its file's name and hash.</summary>
    public async Task<string> VendorProcedureAsync(DemoOptions options, CancellationToken cancel)
    {
        var built = Encoding.UTF8.GetBytes($"{DemoSeed.CyclerId}: CCCV charge, rest, discharge, rest, {options.Cycles} times");
        var (file, bytes) = options.Replay.Length > 0 ? (Path.GetFileName(options.Replay), await File.ReadAllBytesAsync(options.Replay, cancel)) : ("built-in", built);
        var vendor = new JsonObject { ["fileName"] = file, ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(bytes)) };
        var made = await student.PostAsync("/v1/procedures?procedureId=cycler-program&requestId=" + Guid.NewGuid(),
            new JsonObject { ["title"] = "The cycler's own program", ["program"] = new JsonObject { ["vendor"] = vendor } }, cancel);
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

    private static JsonObject Step(string kind, params (string Name, double Value)[] values)
    {
        var step = new JsonObject { ["kind"] = kind };
        foreach (var (name, value) in values) step[name] = name is "gotoStep" or "repeat" ? (int)value : value;
        return step;
    }
}
