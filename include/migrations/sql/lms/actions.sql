-- What the LMS application does to its own tables: invoicing a case, and un-invoicing it.

create or replace function lms.next_invoice_number(billing_lab_id bigint) returns text language plpgsql as $$
declare
    candidate text;
begin
    loop
        candidate := 'INV-' || nextval('lms.invoice_number_seq');
        -- A bookkeeper or an import may have taken the number already.
        exit when not exists (
            select from lms.invoice i
            where i.billing_lab_id = next_invoice_number.billing_lab_id and i.invoice_number = candidate);
    end loop;
    return candidate;
end
$$;

create or replace function lms.invoice_case(
    case_id bigint,
    invoice_date date default current_date,
    shipping numeric default 0,
    tax numeric default 0
) returns bigint language plpgsql as $$
#variable_conflict use_column
declare
    the_case lms.lab_case;
    new_invoice_id bigint;
    lines_total numeric(12, 2);
    lines_discount numeric(12, 2);
    shipping_rounded numeric(12, 2) := coalesce(shipping, 0);
    tax_rounded numeric(12, 2) := coalesce(tax, 0);
begin
    -- The lock makes a second call for the same case wait, and then find the invoice below.
    select * into the_case from lms.lab_case c where c.id = invoice_case.case_id for update;
    if not found then
        raise exception 'case % does not exist', invoice_case.case_id using errcode = 'no_data_found';
    end if;
    if exists (select from lms.invoice i where i.case_id = invoice_case.case_id) then
        raise exception 'case % (%) is invoiced already', the_case.case_number, the_case.id
            using errcode = 'unique_violation', hint = 'Un-invoice it first: select lms.uninvoice_case(case_id).';
    end if;

    -- The case's lock keeps new lines out, these locks keep the lines as they are, until they are copied.
    perform from lms.case_line_item l where l.case_id = invoice_case.case_id for share;
    select coalesce(sum(round(l.quantity * l.unit_price, 2)), 0), coalesce(sum(l.discount_amount), 0)
      into lines_total, lines_discount
      from lms.case_line_item l where l.case_id = invoice_case.case_id;

    insert into lms.invoice (
        billing_lab_id, billing_account_id, doctor_office_id, case_id, invoice_number, invoice_date, due_date,
        memo, subtotal, discount_amount, shipping_amount, tax_amount, total_amount, balance)
    select the_case.billing_lab_id, o.billing_account_id, o.id, the_case.id,
           lms.next_invoice_number(the_case.billing_lab_id), d.dated, d.dated + 30,
           the_case.billing_notes, lines_total, lines_discount, shipping_rounded, tax_rounded, t.total, t.total
      from lms.doctor_office o
     cross join (select coalesce(invoice_case.invoice_date, current_date) as dated) d
     cross join (select lines_total - lines_discount + shipping_rounded + tax_rounded as total) t
     where o.id = the_case.doctor_office_id
    returning id into strict new_invoice_id;

    insert into lms.invoice_line_item (
        invoice_id, position, product_id, quantity, unit_price, discount_amount, amount, description)
    select new_invoice_id, l.position, l.product_id, l.quantity, l.unit_price, l.discount_amount,
           round(l.quantity * l.unit_price, 2), l.notation
      from lms.case_line_item l where l.case_id = invoice_case.case_id order by l.position, l.id;

    update lms.lab_case set status = 'invoiced' where id = the_case.id;
    return new_invoice_id;
end
$$;

create or replace function lms.uninvoice_case(case_id bigint) returns void language plpgsql as $$
#variable_conflict use_column
declare
    the_case lms.lab_case;
begin
    select * into the_case from lms.lab_case c where c.id = uninvoice_case.case_id for update;
    if not found then
        raise exception 'case % does not exist', uninvoice_case.case_id using errcode = 'no_data_found';
    end if;
    if the_case.status <> 'invoiced'
       and not exists (select from lms.invoice i where i.case_id = uninvoice_case.case_id) then
        raise exception 'case % (%) is not invoiced', the_case.case_number, the_case.id
            using errcode = 'object_not_in_prerequisite_state';
    end if;
    -- Lines and applications go with the invoice, by their foreign keys.
    delete from lms.invoice i where i.case_id = uninvoice_case.case_id;
    update lms.lab_case set status = 'completed' where id = the_case.id;
end
$$;
