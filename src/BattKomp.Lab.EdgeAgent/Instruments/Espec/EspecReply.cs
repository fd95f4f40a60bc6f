using System.Globalization;
using BattKomp.Lab.EdgeAgent.Instruments.Captures;

namespace BattKomp.Lab.EdgeAgent.Instruments.Espec;

/// <summary>Answer to a setting.</summary>
/// <param name="Ok">True for <c>OK:</c>, false for <c>NA:</c>.</param>
/// <param name="Parameter">What was set; of a refusal its reason ("PARA ERR").</param>
/// <param name="Value">To what.</param>
public readonly record struct EspecAnswer(bool Ok, string Parameter, string Value);

/// <summary>Reply to <c>TEMP?</c>, °C.</summary>
public readonly record struct EspecTemperature(double Measured, double SetPoint, double High, double Low);

/// <summary>Reply to <c>HUMI?</c>, % rH; no set point = humidity off.</summary>
public readonly record struct EspecHumidity(double Measured, double? SetPoint, double High, double Low);

/// <summary>Reply to <c>MON?</c>: °C, % rH (null without humidity), mode, number of alarms.</summary>
public readonly record struct EspecMonitor(double Celsius, double? Humidity, string Mode, int Alarms);

/// <summary>The replies of a controller, pure. Null = the line is no such reply; nothing throws on any input.</summary>
public static class EspecReply
{
    private const int MaxAlarms = 100;

    private static readonly string[] Modes = ["OFF", "STANDBY", "CONSTANT", "RUN", "RUN PAUSE", "RUN END HOLD", "RMT RUN", "RMT RUN PAUSE", "RMT RUN END HOLD"];

    /// <summary><c>OK:…</c> or <c>NA:…</c>, with or without blanks.</summary>
    public static EspecAnswer? Answer(string line)
    {
        line = line.Trim();
        var ok = line.StartsWith("OK:", StringComparison.Ordinal);
        if (!ok && !line.StartsWith("NA:", StringComparison.Ordinal))
            return null;
        var rest = line[3..].Trim();
        var comma = ok ? rest.IndexOf(',', StringComparison.Ordinal) : -1;
        return comma < 0 ? new EspecAnswer(ok, rest, "") : new EspecAnswer(ok, rest[..comma].Trim(), rest[(comma + 1)..].Trim());
    }

    /// <summary>The query of a request line ("TEMP?") without address and detail; null when the line asks nothing.</summary>
    public static string? Query(string line)
    {
        var mark = line.IndexOf('?', StringComparison.Ordinal);
        if (mark < 1)
            return null;
        var head = line[..(mark + 1)].Trim();
        var comma = head.IndexOf(',', StringComparison.Ordinal);
        return comma > 0 && head.AsSpan(0, comma).IndexOfAnyExceptInRange('0', '9') < 0 ? head[(comma + 1)..].Trim() : head;
    }

    /// <summary>Four numbers.</summary>
    public static EspecTemperature? Temperature(string line) =>
        Fields(line, 4) is [var pv, var sp, var high, var low]
        && Frame.Number(pv) is { } measured && Frame.Number(sp) is { } set && Frame.Number(high) is { } upper && Frame.Number(low) is { } lower
            ? new EspecTemperature(measured, set, upper, lower) : null;

    /// <summary>Four numbers; the set point may be OFF.</summary>
    public static EspecHumidity? Humidity(string line) =>
        Fields(line, 4) is [var pv, var sp, var high, var low]
        && Frame.Number(pv) is { } measured && (sp == "OFF" || Frame.Number(sp) is not null) && Frame.Number(high) is { } upper && Frame.Number(low) is { } lower
            ? new EspecHumidity(measured, Frame.Number(sp), upper, lower) : null;

    /// <summary>Temperature, humidity or nothing (some controllers leave the field out), mode, alarms.</summary>
    public static EspecMonitor? Monitor(string line) =>
        Fields(line, 3) is [var t, var m, var n] && Frame.Number(t) is { } celsius && Mode(m) is { } runs && Count(n) is { } stand
            ? new EspecMonitor(celsius, null, runs, stand)
        : Fields(line, 4) is [var pv, var rh, var mode, var count]
        && Frame.Number(pv) is { } measured && (rh.Length == 0 || Frame.Number(rh) is not null) && Mode(mode) is { } known && Count(count) is { } alarms
            ? new EspecMonitor(measured, Frame.Number(rh), known, alarms) : null;

    /// <summary>OFF, STANDBY, CONSTANT, RUN or a detail of RUN.</summary>
    public static string? Mode(string line) => Modes.Contains(line.Trim(), StringComparer.Ordinal) ? line.Trim() : null;

    /// <summary>Codes of the alarms that stand: count, then that many codes.</summary>
    public static IReadOnlyList<int>? Alarms(string line)
    {
        var fields = line.Split(',', MaxAlarms + 2);
        var numbers = fields.Select(f => Count(f.Trim())).ToList();
        return numbers.TrueForAll(n => n is not null) && numbers[0] == fields.Length - 1 ? [.. numbers.Skip(1).Select(n => n!.Value)] : null;
    }

    /// <summary>What a refusal means.</summary>
    public static string Meaning(string error) => error switch
    {
        "CMD ERR" => "no such command",
        "ADDR ERR" => "wrong address",
        "PARA ERR" => "a parameter is missing or not understood",
        "DATA OUT OF RANGE" => "the value lies outside its range, or beyond the alarm limits",
        "DATA NOT READY" => "the program does not exist",
        "PROTECT ON" => "the controller is protected at its panel",
        "INVALID REQ" => "not supported by this controller",
        "CHB NOT READY" => "the chamber cannot do that now",
        _ when error.StartsWith("CONT NOT READY", StringComparison.Ordinal) => "the controller cannot do that with this chamber or in this mode",
        _ when error.StartsWith("CHB NOT READY", StringComparison.Ordinal) => "the chamber cannot do that now",
        _ when error.StartsWith("PRGM WRITE ERR", StringComparison.Ordinal) => "the program cannot be written",
        _ => "refused",
    };

    /// <summary>An alarm for people. The list of codes differs between models, so only the code is told.</summary>
    public static string AlarmText(int code) => $"chamber alarm {code}";

    private static string[]? Fields(string line, int count) => line.Split(',') is var fields && fields.Length == count ? [.. fields.Select(f => f.Trim())] : null;

    private static int? Count(string text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
}
