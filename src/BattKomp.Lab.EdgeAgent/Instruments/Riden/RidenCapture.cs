using BattKomp.Lab.EdgeAgent.Instruments.Modbus;

namespace BattKomp.Lab.EdgeAgent.Instruments.Riden;

/// <summary>Captured frames of a Riden supply. Scales are the RD6006's until a reply to a read of register 0 names another model.</summary>
public sealed class RidenCapture : ModbusCapture
{
    private RidenModel _model = RidenModel.Of(60062)!;

    /// <inheritdoc/>
    protected override void Read(ModbusRequest request, Dictionary<string, object?> fields) =>
        fields["read"] = request.Count == 1 ? $"reg {request.Address}" : $"regs {request.Address}..{request.Address + request.Count - 1}";

    /// <inheritdoc/>
    protected override void Write(ModbusRequest request, Dictionary<string, object?> fields) =>
        fields["write"] = string.Join(", ", request.Words.Select((w, k) => Named(request.Address + k, w)));

    /// <inheritdoc/>
    protected override void Acknowledge(ModbusRequest written, Dictionary<string, object?> fields)
    {
        if (written.Function == ModbusFunction.WriteRegister)
            fields["ack"] = Named(written.Address, written.Words[0]);
        else
            base.Acknowledge(written, fields);
    }

    /// <inheritdoc/>
    protected override void Answer(ModbusReply reply, ModbusRequest? asked, Dictionary<string, object?> fields)
    {
        base.Answer(reply, asked, fields);
        if (asked is null)
            return;
        var words = reply.Words;
        for (var k = 0; k < words.Length; k++)
            Name(asked.Address + k, words[k], fields);
    }

    private string Named(int register, ushort word) => register switch
    {
        RidenRegisters.Output => $"output {(word != 0 ? "ON" : "OFF")} (reg 18={word})",
        RidenRegisters.SetVolt => FormattableString.Invariant($"V-SET {(double)word / _model.PerVolt:0.00} V (reg 8={word})"),
        RidenRegisters.SetAmpere => FormattableString.Invariant($"I-SET {(double)word / _model.PerAmpere:0.000} A (reg 9={word})"),
        >= RidenRegisters.CalibrationFirst and <= RidenRegisters.CalibrationLast => $"CALIBRATION (reg {register}={word})",
        _ => $"reg {register}={word}",
    };

    private void Name(int register, ushort word, Dictionary<string, object?> fields)
    {
        if (register == RidenRegisters.Id)
            _model = RidenModel.Of(word) ?? _model;
        (string Name, object Value)? named = register switch
        {
            RidenRegisters.Id => ("model", $"{RidenModel.Of(word)?.Name ?? "unknown"} ({word})"),
            RidenRegisters.Firmware => ("firmware", word / 100.0),
            RidenRegisters.SetVolt => ("set_voltage_v", (double)word / _model.PerVolt),
            RidenRegisters.SetAmpere => ("set_current_a", (double)word / _model.PerAmpere),
            RidenRegisters.Volt => ("voltage_v", (double)word / _model.PerVolt),
            RidenRegisters.Ampere => ("current_a", (double)word / _model.PerAmpere),
            RidenRegisters.Protection => ("protection", word switch { 0 => "none", 1 => "OVP", 2 => "OCP", _ => $"{word}" }),
            RidenRegisters.Regulation => ("regulation", word == 0 ? "CV" : "CC"),
            RidenRegisters.Output => ("output_on", word != 0),
            _ => null,
        };
        if (named is { } field)
            fields[field.Name] = field.Value;
    }
}
