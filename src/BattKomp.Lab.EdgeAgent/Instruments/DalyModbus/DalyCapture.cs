using BattKomp.Lab.EdgeAgent.Instruments.Modbus;

namespace BattKomp.Lab.EdgeAgent.Instruments.DalyModbus;

/// <summary>Captured frames of a Daly BMS. Its two blocks are told apart by their size, so a reply needs no question before it.</summary>
public sealed class DalyCapture : ModbusCapture
{
    /// <inheritdoc/>
    protected override void Read(ModbusRequest request, Dictionary<string, object?> fields) =>
        fields["command"] = (request.Address, request.Count) switch
        {
            (DalyPack.PackRegister, var n) => $"read {n} regs @0, unit 0x{request.Unit:X2}",
            (DalyPack.MosRegister, var n) => $"read {n} regs @0x3E (MOS temp)",
            var (a, n) => $"read {n} regs @0x{a:X2}",
        };

    /// <inheritdoc/>
    protected override void Answer(ModbusReply reply, ModbusRequest? asked, Dictionary<string, object?> fields)
    {
        var words = reply.Words;
        if (DalyPack.Parse(words) is { } pack)
            Pack(pack, fields);
        else if (words.Length == DalyPack.MosCount)
        {
            fields["mos_temp_c"] = DalyPack.Degrees(words[DalyPack.MosTemperature]);
            fields["rule"] = $"raw-40 (0x{words[DalyPack.MosTemperature]:x2}={words[DalyPack.MosTemperature]})";
        }
        else
            base.Answer(reply, asked, fields);
    }

    private static void Pack(DalyPack pack, Dictionary<string, object?> fields)
    {
        fields["voltage_v"] = pack.Volt;
        fields["current_a"] = pack.Ampere;
        fields["soc_pct"] = pack.Soc;
        fields["cycles"] = pack.Cycles;
        fields["remaining_ah"] = pack.RemainingAh;
        fields["cells_v"] = pack.CellVolts;
        fields["delta_v"] = pack.DeltaVolt;
        fields["temps_c"] = pack.Celsius;
        fields["charge_fet"] = pack.ChargeOn;
        fields["discharge_fet"] = pack.DischargeOn;
        fields["balancing"] = pack.Balancing;
        fields["alarms"] = $"0x{pack.Alarms:X16}";
        fields["current_rule"] = "(raw-30000)/10";
    }
}
