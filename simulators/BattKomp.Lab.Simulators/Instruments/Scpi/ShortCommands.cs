using System.Globalization;

namespace BattKomp.Lab.Simulators.Instruments.Scpi;

/// <summary>Commands that are no SCPI: TDK GENESYS (sets answer OK) and Aim-TTi LD400P (answers echo the header and carry units).</summary>
internal sealed class ShortCommands(ScpiOutput output, Func<bool, bool> switchOutput)
{
    /// <summary>Answers; false when it is no such command. A set of the load answers nothing.</summary>
    internal bool Answer(ScpiProfile profile, string command, out string? answer)
    {
        var parts = command.Split(' ', 2, StringSplitOptions.TrimEntries);
        var (name, argument) = (parts[0].ToUpperInvariant(), parts.Length > 1 ? parts[1] : "");
        (var known, answer) = profile switch
        {
            ScpiProfile.Tdk => Tdk(name, argument),
            ScpiProfile.Aimtti => Aimtti(name, argument),
            _ => (false, null),
        };
        return known;
    }

    private (bool Known, string? Answer) Tdk(string name, string argument) => name switch
    {
        "IDN?" => (true, "SIM,GENESYS"),
        "REV?" => (true, "REV:SIM:1.0"),
        "RMT?" => (true, "REM"),
        "RMT" => (true, "OK"),
        "PV?" => (true, Text(output.SetVolt)),
        "PC?" => (true, Text(output.SetAmpere)),
        "MV?" => (true, Text(output.Volt)),
        "MC?" => (true, Text(output.Ampere)),
        "OVP?" => (true, Text(output.ProtectVolt)),
        "OUT?" => (true, output.On ? "ON" : "OFF"),
        "MODE?" => (true, !output.On ? "OFF" : output.ConstantCurrent ? "CC" : "CV"),
        "PV" => (true, Done(Value(argument, output.SetVoltage))),
        "PC" => (true, Done(Value(argument, output.SetCurrent))),
        "OVP" => (true, Done(Value(argument, output.SetOverVoltage))),
        "OUT" => (true, Done(Switched(argument))),
        _ => (false, null),
    };

    private (bool Known, string? Answer) Aimtti(string name, string argument) => name switch
    {
        "V?" => (true, $"{Text(output.Volt)}V"),
        "I?" => (true, $"{Text(Math.Abs(output.Ampere))}A"),
        "A?" => (true, output.SetWatt is { } watt ? $"A {Text(watt)}W" : $"A {Text(Math.Abs(output.SetAmpere))}A"),
        "DROP?" => (true, $"DROP {Text(output.SetVolt)}V"),
        "INP?" => (true, $"INP {(output.On ? 1 : 0)}"),
        "MODE?" => (true, output.SetWatt is null ? "MODE C" : "MODE P"),
        "MODE" => (Mode(argument), null),
        "A" => (Value(argument, Level), null),
        "DROP" => (Value(argument, output.SetVoltage), null),
        "INP" => (Switched(argument), null),
        _ => (false, null),
    };

    private bool Mode(string mode)
    {
        switch (mode.ToUpperInvariant())
        {
            case "C": output.SetWatt = null; return true;
            case "P": output.SetWatt ??= 0; return true;
            default: return false;
        }
    }

    private bool Level(double value)
    {
        if (output.SetWatt is null) return output.SetCurrent(value);
        if (!(value >= 0)) return false;
        output.SetWatt = value;
        return true;
    }

    private bool Switched(string argument) => argument.ToUpperInvariant() switch
    {
        "1" or "ON" => switchOutput(true),
        "0" or "OFF" => switchOutput(false),
        _ => false,
    };

    private static string Done(bool taken) => taken ? "OK" : "E01";

    private static bool Value(string text, Func<double, bool> take) =>
        double.TryParse(text.TrimEnd('V', 'A', 'W'), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && take(value);

    private static string Text(double value) => value.ToString("0.####", CultureInfo.InvariantCulture);
}
