using System.Text;
using BattKomp.Lab.BatteryData.Bdf;
using BattKomp.Lab.BatteryData.Importers.Neware;

namespace BattKomp.Lab.BatteryData.Importers.Rows;

/// <summary>Why a row cannot be used. A fatal problem makes the whole file unusable as it was declared.</summary>
internal sealed record RowProblem(ImportFailureCode Code, int Field, string? Header, string Message, string Remedy, bool Fatal = false);

/// <summary>Makes one row's canonical values out of its fields: units, time zone, sign, step type.</summary>
internal sealed class FlatRow
{
    private const double EarliestUnix = 1e8;
    private const double EarliestOleDay = 20000;
    private const double LatestOleDay = 80000;
    private const double OleDayOf1970 = 25569;
    private const double EarliestMatlabDay = 700000;
    private const double LatestMatlabDay = 780000;
    private const double MatlabDayOf1970 = 719529;
    private const int MostStepTypes = 64;
    private readonly FlatFormat _format;
    private readonly ImportOptions _options;
    private readonly VendorDate _dates;
    private readonly List<FlatHeader> _headers;
    private readonly List<(int Field, FieldRule Rule, int Column)> _rules = [];
    private readonly double[] _numbers;
    private readonly LocalClock _clock;
    private readonly TimeScaleCheck _scale = new();
    private readonly StepSignCheck? _sign;
    private readonly List<(byte[] Own, string Text, byte[] Bdf, int? Direction)> _types = [];
    private readonly Dictionary<string, int> _column = [];
    private readonly int _width;
    private readonly int _needed;
    private readonly (int Field, byte[]? Value)[] _object;
    private readonly Func<string, double> _valueOf;
    private int _typeField = -1;
    private double _firstLocal = double.NaN;
    private bool? _negativeDischarge;
    private bool _plausible;
    private bool? _elapsedIsDate;

    public FlatRow(FlatFormat format, ImportOptions options, TimeZoneInfo zone, VendorDate dates, List<FlatHeader> headers, FieldRule?[] rules)
    {
        (_format, _options, _dates, _headers) = (format, options, dates, headers);
        _width = headers.Count;
        _needed = format.ShortRows ? 1 + Array.FindLastIndex(rules, r => r is not null) : _width;
        _object = [.. Enumerable.Range(0, _width).Where(i => format.OneObject.Contains(headers[i].Text)).Select(i => (i, (byte[]?)null))];
        _valueOf = Of;
        _clock = new LocalClock(zone);
        Number = new VendorNumber(options.DecimalMark);
        var kept = new List<(string, int)>();
        for (var i = 0; i < rules.Length; i++)
        {
            if (rules[i] is not { } rule || rule.KeepsText || (format.SignFromStepType && rule.Name == "current_ampere")) kept.Add((headers[i].Text.Length > 0 ? headers[i].Text : "unnamed", i));
            if (rules[i] is not { } used) continue;
            if (used.Kind == FieldKind.StepType) _typeField = i;
            else _rules.Add((i, used, ColumnOf(used.Name)));
            if (used.Kind is FieldKind.ElapsedOrDate) ColumnOf("unix_time_second");
        }

        _numbers = new double[_column.Count];
        Layout = new RowLayout([.. _column.OrderBy(c => c.Value).Select(c => c.Key)], _typeField >= 0, kept);
        if (_typeField >= 0 && !format.SignFromStepType && options.CurrentSign != CurrentSign.UnsignedByStepType) _sign = new StepSignCheck();
    }

    public RowLayout Layout { get; }

    public VendorNumber Number { get; }

    public ReadOnlySpan<double> Numbers => _numbers;

    public ReadOnlySpan<byte> StepType => _typeField < 0 ? default : _type.Bdf;

    /// <summary>What the row that was read last shows to be wrong with those before it.</summary>
    public (long Line, string Message)? Finding { get; private set; }

    public bool HasDates => _column.ContainsKey("unix_time_second");

    public bool DatesAreUtc { get; private set; }

    private (byte[] Own, string Text, byte[] Bdf, int? Direction) _type = ([], "", [], 0);

    /// <summary>What is wrong with the number of fields. An empty field after the last is a trailing separator.</summary>
    public string? Misfit(FieldSplitter fields, ReadOnlySpan<byte> line) =>
        (fields.Count >= _needed && fields.Count <= _width) || (fields.Count == _width + 1 && fields[_width, line].IsEmpty) ? null
        : $"the line has {fields.Count} fields where the header has {_width}.";

    /// <summary>Reads a row, or says why it cannot be used.</summary>
    public RowProblem? Read(FieldSplitter fields, ReadOnlySpan<byte> line, long number)
    {
        Finding = null;
        Array.Fill(_numbers, double.NaN);
        if (_typeField >= 0) _type = TypeOf(fields[_typeField, line]);
        double local = double.NaN, utc = double.NaN;
        foreach (var (field, rule, column) in _rules)
        {
            if (!TryValue(fields[field, line], rule, column, ref local, ref utc))
                return new RowProblem(ImportFailureCode.BadField, field, _headers[field].Text, $"\"{Encoding.UTF8.GetString(fields[field, line])}\" is not {What(rule.Kind)}.", "Export the file again; do not edit it by hand or in a spreadsheet.");
        }

        if (OtherObject(fields, line) is { } other) return other;
        if (Implausible() is { } implausible) return implausible;
        if (Signed() is { } problem) return problem;
        Localise(local, utc);
        Finding = Check(number);
        return null;
    }

    /// <summary>What the end of the file shows to be wrong.</summary>
    public (long Line, string Message)? End() => _sign?.Close();

    public SourceDescription Describe(SourceDescription source)
    {
        var described = BdfHeader.Describe(source, _column.Keys);
        var units = new Dictionary<string, string>(described.Units);
        foreach (var header in _headers.Where(h => h.Unit.Length > 0)) units.TryAdd(header.Text, header.Unit);
        var names = _rules.ToDictionary(r => r.Rule.Name, r => _headers[r.Field].Text);
        if (_typeField >= 0) names["step_type"] = _headers[_typeField].Text;
        var unsigned = _format.SignFromStepType ? _negativeDischarge == false : _options.CurrentSign == CurrentSign.UnsignedByStepType;
        var notes = new List<SourceNote>(described.Notes);
        if (unsigned) notes.Add(new SourceNote("sign_given", "current_ampere", "The file's current has no sign; discharging steps were made negative."));
        return described with
        {
            CurrentSign = unsigned ? CurrentSign.UnsignedByStepType : CurrentSign.PositiveCharges,
            Units = units,
            VendorNames = names,
            Notes = notes,
            TimeZone = DatesAreUtc ? "UTC" : described.TimeZone,
            TimeZoneDeclared = DatesAreUtc || described.TimeZoneDeclared,
        };
    }

    private int ColumnOf(string name)
    {
        if (!_column.TryGetValue(name, out var at)) _column[name] = at = _column.Count;
        return at;
    }

    private double Of(string name) => _column.TryGetValue(name, out var at) ? _numbers[at] : double.NaN;

    private bool TryValue(ReadOnlySpan<byte> field, FieldRule rule, int column, ref double local, ref double utc)
    {
        double value;
        switch (rule.Kind)
        {
            case FieldKind.Date: return TryDate(field, ref local, ref utc);
            case FieldKind.Duration when VendorDuration.TryParse(field, out value):
                _numbers[column] = value;
                return true;
            case FieldKind.ElapsedOrDate when (_elapsedIsDate ??= !Number.TryParse(field, out _)) == true:
                if (!TryText(field, out local)) return false;
                if (double.IsNaN(_firstLocal)) _firstLocal = local;
                _numbers[column] = local - _firstLocal;
                return true;
        }

        if (!Number.TryParse(field, out value)) return false;
        // Adding zero makes a reversed zero plain again.
        _numbers[column] = (value * rule.Factor / rule.Divisor) + 0.0;
        if (rule.Kind == FieldKind.ElapsedOrDate && _format.Origin is { } origin) local = origin + _numbers[column];
        return true;
    }

    private bool TryDate(ReadOnlySpan<byte> field, ref double local, ref double utc)
    {
        if (field.Trim(" \t"u8).IsEmpty) return true;
        if (TryText(field, out local)) return true;
        local = double.NaN;
        if (!Number.TryParse(field, out var value)) return false;
        if (value is >= EarliestOleDay and <= LatestOleDay or >= EarliestMatlabDay and <= LatestMatlabDay)
        {
            local = (value - (value <= LatestOleDay ? OleDayOf1970 : MatlabDayOf1970)) * 86400;
            return true;
        }

        DatesAreUtc = true;
        utc = value;
        return value is >= EarliestUnix and <= 7e9;
    }

    // A decimal comma speaks for a European setting of the program, hence for the day before the month.
    private bool TryText(ReadOnlySpan<byte> field, out double local) => _dates.TryParse(field, Number.Mark == ',', out local);

    private void Localise(double local, double utc)
    {
        if (!_column.TryGetValue("unix_time_second", out var at)) return;
        _numbers[at] = double.IsNaN(local) ? utc : _clock.ToUnix(local, Of("test_time_second"));
    }

    // Records of a second cell among those of the first would be summed with them.
    private RowProblem? OtherObject(FieldSplitter fields, ReadOnlySpan<byte> line)
    {
        foreach (ref var one in _object.AsSpan())
        {
            var value = fields[one.Field, line];
            one.Value ??= value.ToArray();
            if (value.SequenceEqual(one.Value)) continue;
            return new RowProblem(ImportFailureCode.Contradiction, one.Field, _headers[one.Field].Text, $"the file goes on with {Encoding.UTF8.GetString(value)} after {Encoding.UTF8.GetString(one.Value)}: it holds more than one test object.", "Export one file for each test object.", Fatal: true);
        }

        return null;
    }

    private RowProblem? Implausible()
    {
        if (_format.Doubt(_valueOf) is { } doubt)
            return new RowProblem(ImportFailureCode.Contradiction, -1, null, doubt, "Export the file again; do not edit it by hand or in a spreadsheet.");
        var volt = Math.Abs(Of("voltage_volt"));
        if (volt > _format.HighestVolt)
        {
            var field = _rules.First(r => r.Rule.Name == "voltage_volt").Field;
            return new RowProblem(ImportFailureCode.Contradiction, field, _headers[field].Text, $"{volt} V is no voltage of this tester; the column's unit is misstated.", $"Declare it: Units[\"{_headers[field].Text}\"] = \"mV\".", Fatal: !_plausible);
        }

        _plausible |= volt > 0;
        return null;
    }

    private RowProblem? Signed()
    {
        if (_typeField < 0) return null;
        ref var current = ref _numbers[_column["current_ampere"]];
        if (!_format.SignFromStepType && _options.CurrentSign != CurrentSign.UnsignedByStepType) return null;
        if (current == 0 || double.IsNaN(current) || _options.CurrentSign == CurrentSign.PositiveCharges) return null;
        // The first current in a discharging state shows whether the file writes signs at all.
        if (_type.Direction < 0) _negativeDischarge ??= current < 0;
        if (_negativeDischarge == true) return null;
        if (current < 0) return _negativeDischarge is null ? null : Wrong("a negative current in a file whose discharging currents are positive.");
        if (_type.Direction is null) return Wrong($"a current of {current} A in state \"{_type.Text}\", which tells no direction.");
        if (_type.Direction < 0) current = -current;
        return null;

        RowProblem Wrong(string message) => new(ImportFailureCode.Contradiction, _typeField, _headers[_typeField].Text, message, "If the file's current is signed, declare CurrentSign.PositiveCharges.");
    }

    private (long, string)? Check(long line)
    {
        var found = _sign?.Take(Of("current_ampere"), Of("cycle_count"), Of("step_id"), _type.Text, _type.Direction ?? 0, line);
        return found ?? (_scale.Take(Of("test_time_second"), Of("unix_time_second")) is { } message ? (line, message) : null);
    }

    private (byte[] Own, string Text, byte[] Bdf, int? Direction) TypeOf(ReadOnlySpan<byte> own)
    {
        foreach (var known in _types)
            if (own.SequenceEqual(known.Own)) return known;
        var text = Encoding.UTF8.GetString(own).Trim();
        var (type, direction) = _format.StepType(text);
        var entry = (own.ToArray(), text, Encoding.UTF8.GetBytes(type), direction);
        if (_types.Count < MostStepTypes) _types.Add(entry);
        return entry;
    }

    private static string What(FieldKind kind) => kind switch
    {
        FieldKind.Duration => "a duration",
        FieldKind.Date => "a date and time",
        FieldKind.ElapsedOrDate => "a time",
        _ => "a number",
    };
}
