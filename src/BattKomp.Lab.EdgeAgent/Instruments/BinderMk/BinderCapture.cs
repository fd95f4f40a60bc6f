using System.Globalization;
using BattKomp.Lab.EdgeAgent.Instruments.Modbus;

namespace BattKomp.Lab.EdgeAgent.Instruments.BinderMk;

/// <summary>
/// Decodes dumps of a Binder's registers (<c>0x1077=0000 0x1078=420c</c>; a range as <c>0x1228..0x123b=0020 0044 …</c>), and its Modbus frames in hex.
/// </summary>
public sealed class BinderCapture : ModbusCapture
{
    private static readonly (int Register, string Field)[] Floats =
    [
        (BinderRegisters.Measured, "pv_c"), (BinderRegisters.SetPoint, "setpoint_c"), (BinderRegisters.ManualSetPoint, "manual_setpoint_c"),
        (BinderRegisters.BasicSetPoint, "basic_setpoint_c"), (BinderRegisters.SafetyLimit, "safety_class2_limit_c"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CapturedFrame> Decode(string line)
    {
        if (!line.Contains('='))
            return base.Decode(line);
        var fields = new Dictionary<string, object?>();
        var why = Dump(line, out var registers);
        Name(registers, fields);
        return [new CapturedFrame(why.Length == 0, "registers", fields, why)];
    }

    /// <inheritdoc/>
    protected override void Answer(ModbusReply reply, ModbusRequest? asked, Dictionary<string, object?> fields)
    {
        base.Answer(reply, asked, fields);
        if (asked is null)
            return;
        var registers = new Dictionary<int, ushort>();
        foreach (var word in reply.Words)
            registers[asked.Address + registers.Count] = word;
        Name(registers, fields);
    }

    private static string Dump(string line, out Dictionary<int, ushort> registers)
    {
        registers = [];
        var (next, last) = (0, -1);
        foreach (var word in line.Split([' ', '\t', ',', ';', '\r', '\n'], StringSplitOptions.RemoveEmptyEntries))
        {
            var value = word;
            if (word.IndexOf('=') is >= 0 and var equals)
            {
                if (next <= last)
                    break;
                var ends = word[..equals].Split("..");
                if (ends.Length > 2 || Hex(ends[0]) is not { } first || Hex(ends[^1]) is not { } end || end < first)
                    return $"\"{Shown(word)}\" names no register";
                (next, last, value) = (first, end, word[(equals + 1)..]);
                if (value.Length == 0)
                    continue;
            }
            if (next > last || Hex(value) is not { } number)
                return $"\"{Shown(word)}\" is no word of a register";
            registers[next++] = (ushort)number;
        }
        return next <= last ? $"the words of the range end before 0x{next:x4}, the range at 0x{last:x4}" : "";
    }

    private static void Name(Dictionary<int, ushort> registers, Dictionary<string, object?> fields)
    {
        foreach (var (register, field) in Floats)
            if (registers.TryGetValue(register, out var low) && registers.TryGetValue(register + 1, out var high))
                fields[field] = BinderRegisters.Float(low, high) is var value && float.IsFinite(value) ? Math.Round((double)value, 3) : null;
        if (registers.TryGetValue(BinderRegisters.Mode, out var mode))
            fields["mode"] = $"{BinderRegisters.ModeOf(mode)} (0x{mode:X4})";
        if (registers.TryGetValue(BinderRegisters.Door, out var door))
            fields["door_open"] = (door & 1) != 0;
        if (registers.TryGetValue(BinderRegisters.Alarm, out var alarm))
            fields["alarm"] = alarm != 0;
        if (registers.TryGetValue(BinderRegisters.Note, out var note))
            fields["note"] = note != 0;
        if (registers.ContainsKey(BinderRegisters.Text))
            fields["text"] = BinderRegisters.TextOf(Enumerable.Range(BinderRegisters.Text, BinderRegisters.TextLength).Where(registers.ContainsKey).Select(r => registers[r]));
    }

    private static int? Hex(string text)
    {
        var digits = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text.AsSpan(2) : text;
        return digits.Length is > 0 and <= 4 && int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    private static string Shown(string word) => word.Length > 20 ? word[..20] + "…" : word;
}
