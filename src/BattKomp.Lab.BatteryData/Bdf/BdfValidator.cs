namespace BattKomp.Lab.BatteryData.Bdf;

/// <summary>
/// Checks that a table is what BDF 1.3 says of it: a file that calls itself BDF is a claim, not a fact. It reports and
/// never repairs.
/// </summary>
public static class BdfValidator
{
    /// <summary>All findings on the table.</summary>
    public static BdfReport Validate(RecordTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        var findings = new List<BdfFinding>();
        Columns(table, findings);
        BdfCounterChecks.Run(table, findings);
        BdfValueChecks.Run(table, findings);
        return new BdfReport(findings);
    }

    private static void Columns(RecordTable table, List<BdfFinding> findings)
    {
        foreach (var term in BdfTerms.All.Where(t => t.Obligation == BdfObligation.Required))
        {
            if (table.Numbers(term.Name) is null)
                findings.Add(new BdfFinding(BdfSeverity.Error, "missing_required", term.Name, null, $"{term.Label} is required and is not there as numbers.", $"Add the column {term.Label}."));
        }

        foreach (var note in table.Source.Notes.Where(n => n.Code.StartsWith("deprecated", StringComparison.Ordinal)))
            findings.Add(new BdfFinding(BdfSeverity.Warning, "deprecated_name", note.Field ?? "", null, note.Message, "Write the file again with current names."));
        foreach (var note in table.Source.Notes.Where(n => n.Code == "no_line_end"))
            findings.Add(new BdfFinding(BdfSeverity.Warning, note.Code, "", table.Count, note.Message, "Compare the file with its source, and end its last line."));
        foreach (var column in table.Columns.Where(c => !BdfTerms.TryGet(c.Name, out _)))
            findings.Add(Unknown(column.Name));
    }

    /// <summary>A column outside BDF is fine, unless it is a BDF quantity in a unit that BDF does not allow for it.</summary>
    private static BdfFinding Unknown(string name)
    {
        var parts = name.Split(" / ");
        var meant = parts.Length == 2 ? BdfTerms.All.FirstOrDefault(t => t.Quantity == parts[0] && t.Obligation != BdfObligation.Deprecated) : null;
        return meant is null
            ? new BdfFinding(BdfSeverity.Info, "unknown_column", name, null, "BDF has no such column; it is kept as the vendor's.", "Nothing needs to be done.")
            : new BdfFinding(BdfSeverity.Error, "wrong_unit", name, null, $"BDF fixes the unit: {meant.Label}.", $"Convert the values and name the column {meant.Label}.");
    }
}
